"""The `mailevents` command: a module for each of its commands, loaded when that is called or listed.

They import what is slow to load, such as Dagster and pyarrow, only when they run, so that help is quick.
"""

import os
from importlib import import_module
from pathlib import Path
from typing import Final

import click

from mailevents_dagster.cli.terminal import EXIT_CODES, Commands

__all__ = ["main"]

NAMES: Final = (
    "alerts",
    "classify",
    "collect",
    "deliver",
    "demo",
    "feeds",
    "housekeeping",
    "hygiene",
    "import-pst",
    "lint",
    "migrate",
    "posture",
    "probe",
    "receive",
    "report",
    "reports",
    "simulate",
    "status",
    "suppression",
    "trace",
    "verify",
)


class AllCommands(Commands):
    """The commands of the modules beside this one."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's own signature
        return [*NAMES]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in NAMES:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f"{__name__}.{name}"), name)
        return command


@click.group(cls=AllCommands, epilog=EXIT_CODES)
@click.version_option(package_name="mailevents-dagster")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The settings; else what MAILEVENTS_CONFIG names, else mailevents.yaml of the checkout.",
)
def main(config: Path | None) -> None:
    """Complete, ordered hourly records of mail events.

    Feeds are written as `example.com mail/incominglog`, hours as 2026-11-20T14:00 in the time zone of the settings.
    """
    if config:
        os.environ["MAILEVENTS_CONFIG"] = str(config.absolute())
