"""The `mailevents` command: a module for each of its commands.

They import what is slow to load, such as Dagster and pyarrow, only when they run, so that help is quick.
"""

import os
from pathlib import Path

import click

from mailevents_dagster.cli.alerts import alerts
from mailevents_dagster.cli.classify import classify
from mailevents_dagster.cli.collect import collect
from mailevents_dagster.cli.deliver import deliver
from mailevents_dagster.cli.demo import demo
from mailevents_dagster.cli.feeds import feeds
from mailevents_dagster.cli.housekeeping import housekeeping
from mailevents_dagster.cli.hygiene import hygiene
from mailevents_dagster.cli.import_pst import import_pst
from mailevents_dagster.cli.lint import lint
from mailevents_dagster.cli.migrate import migrate
from mailevents_dagster.cli.posture import posture
from mailevents_dagster.cli.probe import probe
from mailevents_dagster.cli.receive import receive
from mailevents_dagster.cli.report import report
from mailevents_dagster.cli.reports import reports
from mailevents_dagster.cli.simulate import simulate
from mailevents_dagster.cli.status import status
from mailevents_dagster.cli.suppression import suppression
from mailevents_dagster.cli.terminal import EXIT_CODES, Commands
from mailevents_dagster.cli.trace import trace
from mailevents_dagster.cli.verify import verify

__all__ = ["main"]


@click.group(cls=Commands, epilog=EXIT_CODES)
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


for command in (
    alerts,
    classify,
    collect,
    deliver,
    demo,
    feeds,
    housekeeping,
    hygiene,
    import_pst,
    lint,
    migrate,
    posture,
    probe,
    receive,
    report,
    reports,
    simulate,
    status,
    suppression,
    trace,
    verify,
):
    main.add_command(command)
