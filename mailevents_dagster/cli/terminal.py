"""What all commands share: exit codes, settings, feeds and hours as they are written, and how expected errors end."""

import math
import sys
from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

import click

from mailevents_dagster.orchestration.home import DamagedHomeError

if TYPE_CHECKING:
    from rich.console import Console

    from mailevents_dagster.model.feed import Feed
    from mailevents_dagster.settings import Settings


class Exit(IntEnum):
    """How a command ended, for those who call it."""

    DONE = 0
    SOME_FAILED = 1
    WRONG = 2
    NOTHING = 3


EXIT_CODES: Final = (
    "Ends with 0: done; 1: something failed, or something is wrong with what was looked at; 2: wrong usage or "
    "settings; 3: nothing to do, or others are at it."
)
FILE_WIDTH: Final = 240
"""Where no terminal says how wide it is: no line of a table breaks."""


class FiniteRange(click.FloatRange):
    """A number within bounds; `nan`, which is within all bounds, is not one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


class Commands(click.Group):
    """Commands whose expected errors end in one sentence and an exit code, not in a trace."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except OSError as error:  # the disk's or the network's: whoever runs this can mend it
            raise click.ClickException(str(error)) from error
        except DamagedHomeError as error:
            raise click.UsageError(str(error)) from error


def configured() -> "Settings":
    """The settings, with the .env beside them in the environment; wrong ones end the command."""
    from mailevents_dagster.collecting.configuration import store_of
    from mailevents_dagster.settings import SettingsError, load_project

    try:
        settings = load_project()
        store_of(settings)  # which says where the settings disagree with what it holds
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    return settings


def feeds_like(settings: "Settings", patterns: Sequence[str]) -> "Sequence[Feed]":
    """The feeds that any of the patterns is like, all where there is none; the command ends where no feed is."""
    feeds = [feed for feed in settings.feeds if not patterns or any(map(feed.matches, patterns))]
    if not feeds:
        raise click.UsageError(f"No feed is like {' or '.join(patterns)}; feeds are written like {settings.feeds[0]}.")
    return feeds


def hour_start(settings: "Settings", option: str, text: str) -> int:
    """The Unix time of an hour as people write it; what is wrong with it names the option and ends the command."""
    from mailevents_dagster.settings import start_of

    try:
        return start_of(text, settings.timezone, None)
    except ValueError as error:
        raise click.UsageError(f"{option} `{text}` {error}") from error


def console(*, stderr: bool = False) -> "Console":
    """Where people read: as wide as the terminal, colours only on one."""
    from rich.console import Console

    return Console(width=None if (sys.stderr if stderr else sys.stdout).isatty() else FILE_WIDTH, stderr=stderr)


def lasting(seconds: int | None) -> str:
    """A time span for people, in its two largest units."""
    if seconds is None:
        return "never"
    days, hours, minutes = seconds // 86_400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days:,} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


feed_option = click.option(
    "--feed",
    "patterns",
    multiple=True,
    metavar="PATTERN",
    help="Such as 'example.com mail/*', may be repeated; else all.",
)
