"""`mailevents collect`."""

import sys

import click

from mailevents_dagster.cli.terminal import Exit, configured, feed_option, feeds_like, hour_start


@click.command()
@click.option("--from", "first", required=True, metavar="HOUR", help="First hour, such as 2026-11-01T00:00.")
@click.option("--to", "end", required=True, metavar="HOUR", help="Hour after the last, such as 2026-11-02T00:00.")
@feed_option
def collect(first: str, end: str, patterns: tuple[str, ...]) -> None:
    """Collect hours of the past, in this process, as runs that the UI shows.

    Hours that are there are listed again, which costs no details. Ends with 1 where something failed.
    """
    import os
    import time

    from mailevents_dagster.by_hand import collect as collect_hours
    from mailevents_dagster.hours import hours_between

    settings = configured()
    if not os.environ.get("DAGSTER_HOME"):
        raise click.UsageError(
            "DAGSTER_HOME is not set: the folder where Dagster keeps its runs, such as $PWD/.dagster."
        )
    feeds = feeds_like(settings, patterns)
    span = hour_start(settings, "--from", first), hour_start(settings, "--to", end)
    hours = list(hours_between(max(span[0], settings.start), min(span[1], time.time()), settings.timezone))
    if not hours:
        raise click.UsageError("No hour lies between --from and --to that has ended and is not before the start.")
    succeeded = True
    size = settings.collect.hours_per_run
    for last in range(len(hours), 0, -size):  # the newest first, as the sensor does
        succeeded &= collect_hours(settings, feeds, hours[max(0, last - size) : last]).success
    sys.exit(Exit.DONE if succeeded else Exit.SOME_FAILED)
