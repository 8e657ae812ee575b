"""`mailevents collect`."""

import signal
import sys
import time
from itertools import islice
from typing import TYPE_CHECKING, Final

import click

from mailevents_dagster.cli.terminal import (
    Exit,
    configured,
    console,
    feed_option,
    feeds_like,
    hour_start,
    json_option,
    show_json,
)
from mailevents_dagster.orchestration.garbage_collection import frozen_once_loaded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mailevents_dagster.cli.progress import CollectionProgress
    from mailevents_dagster.collecting.planning import Ask
    from mailevents_dagster.collecting.totals import Totals
    from mailevents_dagster.model.feed import Feed
    from mailevents_dagster.orchestration.manual_runs import ManualRuns
    from mailevents_dagster.settings import Settings

LACKING_NAMED: Final = 10


@click.command()
@click.option("--all", "every", is_flag=True, help="All feeds, which is what it does without --feed.")
@feed_option
@click.option("--since-cursor", is_flag=True, help="What is missing, and the hours now running: the default.")
@click.option("--from", "first", metavar="HOUR", help="First hour, such as 2026-11-01T00:00.")
@click.option("--to", "end", metavar="HOUR", help="Hour after the last; else up to now.")
@click.option("--hour", metavar="HOUR", help="This hour alone.")
@click.option(
    "--max-workers",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Runs side by side; else automation.max_parallel_runs.",
)
@json_option("The numbers at the end as one JSON object, and nothing else.")
@click.option("--quiet", is_flag=True, help="Say what went wrong, and nothing else.")
def collect(
    *,
    every: bool,
    patterns: tuple[str, ...],
    since_cursor: bool,
    first: str | None,
    end: str | None,
    hour: str | None,
    max_workers: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Collect in this process, without daemon or UI, as runs that the UI shows.

    Without hours it does what a cron line needs: it brings the hours now running up to date, collects all that ended
    and are not closed, and once a day lists the last closed hours again for events that came late. A feed that another
    run is collecting is skipped. Hours that are already there are listed again, which costs no details.

    Ends with 0: done; 1: something failed, or details of a collected hour are owed, or a second of it has more events
    than the source shows; 2: wrong usage or settings; 3: nothing to do, or others are at it.
    """
    if every and patterns:
        raise click.UsageError("--all and --feed contradict each other.")
    with frozen_once_loaded():
        settings = configured()
    feeds = feeds_like(settings, patterns)
    span = _span(settings, first, end, hour, since_cursor=since_cursor)
    workers = max_workers or settings.automation.max_parallel_runs
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        totals, succeeded = _collect(settings, feeds, span, workers, as_json=as_json, quiet=quiet)
    except KeyboardInterrupt:
        raise click.ClickException("Stopped. What was committed is kept, and so is what was fetched.") from None
    if as_json:
        show_json(totals.as_json(succeeded))
    else:
        _show(totals, succeeded, quiet=quiet)
    sys.exit(_exit_code(totals, succeeded))


def _exit_code(totals: "Totals", succeeded: "Sequence[bool]") -> Exit:
    if not succeeded:
        return Exit.NOTHING
    lacks = any(lack.is_incomplete for lack in totals.lacking().values())
    return Exit.SOME_FAILED if totals.failures() or lacks or not all(succeeded) else Exit.DONE


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _span(
    settings: "Settings", first: str | None, end: str | None, hour: str | None, *, since_cursor: bool
) -> tuple[int, int] | None:
    """Return from when to when to collect; None means what is missing."""
    from mailevents_dagster.model.hour import SECONDS

    if sum([since_cursor, hour is not None, first is not None or end is not None]) > 1:
        raise click.UsageError("Of --since-cursor, --hour, and --from with --to, only one can be given.")
    if end is not None and first is None:
        raise click.UsageError("--to needs --from.")
    if hour is not None:
        start = hour_start(settings, "--hour", hour)
        return start, start + SECONDS
    if first is None:
        return None
    start = hour_start(settings, "--from", first)
    stop = int(time.time()) if end is None else hour_start(settings, "--to", end)
    if end is not None and stop <= start:
        raise click.UsageError(f"--to `{end}` is not after --from `{first}`; --to is the hour after the last.")
    return start, stop


def _collect(
    settings: "Settings",
    feeds: "Sequence[Feed]",
    span: tuple[int, int] | None,
    workers: int,
    *,
    as_json: bool,
    quiet: bool,
) -> "tuple[Totals, list[bool]]":
    """Collect and return what came of it, and whether each run succeeded; no run means that there was nothing to do."""
    with frozen_once_loaded():
        from mailevents_dagster.cli.progress import CollectionProgress, show_warnings
        from mailevents_dagster.collecting.totals import Totals
        from mailevents_dagster.orchestration.home import this_instance
        from mailevents_dagster.orchestration.manual_runs import ManualRuns
        from mailevents_dagster.settings import home

    home(settings)
    out = console(stderr=as_json)
    with this_instance() as instance:
        runs = ManualRuns(settings, instance, show_warnings(out))
        totals = Totals(runs.collector.heartbeats)
        with CollectionProgress(out, totals, quiet=quiet or as_json) as progress:
            succeeded = list(_runs(runs, progress, feeds, span, workers, quiet=quiet))
    from mailevents_dagster.health.prometheus import write_metrics  # which the first call need not wait for

    write_metrics(settings)
    return totals, succeeded


def _runs(
    runs: "ManualRuns",
    progress: "CollectionProgress",
    feeds: "Sequence[Feed]",
    span: tuple[int, int] | None,
    workers: int,
    *,
    quiet: bool,
) -> "Iterator[bool]":
    """Run what is asked for and yield whether each run succeeded."""
    from mailevents_dagster.orchestration.manual_runs import given

    def say(why: str) -> None:
        if not quiet:
            click.echo(why, err=True)

    under_way = runs.under_way()
    for feed in feeds:
        if feed in under_way.held:
            say(f"{feed} is left out: a run is collecting it.")
    free = [feed for feed in feeds if feed not in under_way.held]
    if span is not None:
        asks = _asks(runs.settings, free, span, workers)
        if free and not asks:
            say("None of these hours has ended and lies after the start in the settings.")
        for ask in asks:
            progress.expect(ask)
        yield from runs.collect(given(asks), workers, progress.show, progress.totals.hear)
        return
    if under_way.following:
        say("The hours now running are left out: another run follows them.")
    else:
        progress.expected += len(feeds)
        yield runs.follow(feeds, progress.show)
    yield from runs.collect(runs.due(free, progress.expect), workers, progress.show, progress.totals.hear)
    yield from runs.look_back(feeds, progress.show)


def _asks(settings: "Settings", feeds: "Sequence[Feed]", span: tuple[int, int], workers: int) -> "Sequence[Ask]":
    """Return the hours that have ended, in runs: the newest first, as the sensor does, and accounts side by side."""
    from mailevents_dagster.collecting.planning import Ask, divided
    from mailevents_dagster.model.hour import hours_between
    from mailevents_dagster.orchestration.manual_runs import FEED_HOURS_A_RUN

    hours = list(hours_between(max(span[0], settings.start), min(span[1], time.time()), settings.timezone))
    size = settings.collect.hours_per_run
    chunks = [hours[max(0, last - size) : last] for last in range(len(hours), 0, -size)]
    if len(hours) * len(feeds) <= FEED_HOURS_A_RUN or workers == 1:
        kinds = [feeds]
    else:  # what is made of others' hours stands behind them, in runs of its own
        kinds = [[feed for feed in feeds if feed.kind.comes_last == is_last] for is_last in (False, True)]
    return [
        Ask(chunk[0].start, chunk[-1].end, tuple(part))
        for own in kinds
        for chunk in chunks
        for part in divided(own, workers if len(kinds) > 1 else 1)
        if part
    ]


def _show(totals: "Totals", succeeded: "Sequence[bool]", *, quiet: bool) -> None:
    if succeeded and not quiet:
        click.echo("\n".join(totals.numbers().lines(totals.seconds)))
    for feed, why in totals.failures().items():
        click.echo(f"{feed} failed: {why}", err=True)
    if lacking := {which: lack for which, lack in totals.lacking().items() if lack.is_incomplete or not quiet}:
        named = ", ".join(f"{feed} {hour} ({lack})" for (feed, hour), lack in islice(lacking.items(), LACKING_NAMED))
        more = len(lacking) - LACKING_NAMED
        rest = f" and {more:,} more, which `mailevents verify` names" if more > 0 else ""
        click.echo(f"{len(lacking):,} hours do not hold everything: {named}{rest}.", err=True)
    if not succeeded and not quiet:
        click.echo("There was nothing to collect.", err=True)
