"""What all commands share: exit codes, settings, feeds and hours as they are written, tables, JSON, expected errors."""

import math
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from mailevents_dagster.orchestration.home import DamagedHomeError
from mailevents_dagster.sharing.database_errors import DatabaseError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from mailevents_dagster.model.feed import Feed
    from mailevents_dagster.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])


class Exit(IntEnum):
    """How a command ended, for its caller."""

    DONE = 0
    SOME_FAILED = 1
    WRONG = 2
    NOTHING = 3


EXIT_CODES: Final = (
    "Ends with 0: done; 1: something failed, or something is wrong with what was looked at; 2: wrong usage or "
    "settings; 3: nothing to do, or others are at it."
)
FILE_WIDTH: Final = 1000
"""The most that a line of a table takes where no terminal says its width: paths in it do not break."""


class FiniteRange(click.FloatRange):
    """A number within bounds; `nan`, which is within all bounds, is not one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


class Commands(click.Group):
    """Commands whose expected errors end in one sentence and an exit code, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # whoever reads has read enough; click ends quietly then
            raise
        except OSError as error:  # of the disk or the network: whoever runs the command can mend it
            raise click.ClickException(str(error)) from error
        except DatabaseError as error:
            raise click.ClickException(str(error)) from error
        except DamagedHomeError as error:
            raise click.UsageError(str(error)) from error


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Let imports in the block that fail end the command with what to install."""
    try:
        yield
    except ImportError as error:
        missing = f"{error.name} is not installed: pip install 'mailevents-dagster[{name}]'"
        raise click.ClickException(missing if error.name else str(error)) from error


feed_option = click.option(
    "--feed",
    "patterns",
    multiple=True,
    metavar="PATTERN",
    help="Such as 'example.com mail/*', may be repeated; else all.",
)


def json_option(about: str = "For programs: one JSON object.") -> Callable[[F], F]:
    return click.option("--json", "as_json", is_flag=True, help=about)


def configured() -> "Settings":
    """Return the settings, with the .env beside them in the environment; wrong ones end the command."""
    from mailevents_dagster.settings import SettingsError
    from mailevents_dagster.sources.catalog import load_project
    from mailevents_dagster.store.opening import store_of

    try:
        settings = load_project()
        store_of(settings)  # which says where the settings disagree with what it holds
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    return settings


def feeds_like(settings: "Settings", patterns: Sequence[str]) -> "Sequence[Feed]":
    """Return the feeds that match any of the patterns, or all if there is none; no match ends the command."""
    feeds = [feed for feed in settings.feeds if not patterns or any(map(feed.matches, patterns))]
    if not feeds:
        raise click.UsageError(f"No feed matches {' or '.join(patterns)}; feeds are written like {settings.feeds[0]}.")
    return feeds


def hour_start(settings: "Settings", option: str, text: str) -> int:
    """Return the Unix time of an hour as people write it; a wrong one ends the command and names the option."""
    from mailevents_dagster.settings import start_of

    try:
        return start_of(text, settings.timezone, None)
    except ValueError as error:
        raise click.UsageError(f"{option} `{text}` {error}") from error


def console(*, stderr: bool = False) -> "Console":
    """Return a console for people: as wide as the terminal, with colours only on one."""
    from rich.console import Console

    return Console(width=None if (sys.stderr if stderr else sys.stdout).isatty() else FILE_WIDTH, stderr=stderr)


def table(*names: str, right: Collection[str] = (), whole: Collection[str] = ()) -> "Table":
    """Return an empty table; the columns in `whole` are never broken, and text in others is never cut off."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE)
    for name in names:
        made.add_column(
            name,
            justify="right" if name in right else "left",
            no_wrap=name in whole,
            overflow="ellipsis" if name in whole else "fold",
        )
    return made


def show_json(content: object) -> None:
    import json

    click.echo(json.dumps(content, indent=2))


def lasting(seconds: int | None) -> str:
    """Return a time span for people, in its two largest units."""
    if seconds is None:
        return "never"
    days, hours, minutes = seconds // 86_400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days:,} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
