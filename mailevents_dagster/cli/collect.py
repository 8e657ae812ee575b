"""`mailevents collect`."""

import json
import signal
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

from mailevents_dagster.cli.terminal import Exit, configured, console, feed_option, feeds_like, hour_start
from mailevents_dagster.orchestration.garbage_collection import frozen_once_loaded

if TYPE_CHECKING:
    from mailevents_dagster.cli.progress import Lacking, Progress
    from mailevents_dagster.collecting.planning import Ask
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
@click.option("--json", "as_json", is_flag=True, help="The numbers at the end as one JSON object, and nothing else.")
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
    and is not closed, and once a day lists the last closed hours again for events that came late. A feed that another
    run has under way is skipped. Hours that are there are listed again, which costs no details.

    Ends with 0: done; 1: something failed, or an hour was collected whose details are owed or of which a second has
    more events than the API shows; 2: wrong usage or settings; 3: nothing to do, or others are at it.
    """
    if every and patterns:
        raise click.UsageError("--all and --feed contradict each other.")
    if sum([since_cursor, hour is not None, first is not None or end is not None]) > 1:
        raise click.UsageError("Of --since-cursor, --hour, and --from with --to, one can be given.")
    if end is not None and first is None:
        raise click.UsageError("--to needs --from.")
    settings = configured()
    feeds = feeds_like(settings, patterns)
    span = _span(settings, first, end, hour)

    with frozen_once_loaded():
        from mailevents_dagster.cli.progress import Progress
        from mailevents_dagster.health.prometheus import write_metrics
        from mailevents_dagster.orchestration.home import this_instance
        from mailevents_dagster.orchestration.manual_runs import ManualRuns
        from mailevents_dagster.settings import home

    signal.signal(signal.SIGTERM, _interrupt)
    home(settings)
    out = console(stderr=as_json)
    workers = max_workers or settings.automation.max_parallel_runs
    progress = Progress(out, quiet=quiet or as_json)
    with this_instance() as instance:
        hand = ManualRuns(settings, instance, progress.say)
        try:
            with progress.watch(hand.collector.heartbeats):
                asked = _collect(hand, progress, feeds, span, workers, quiet=quiet)
        except KeyboardInterrupt:
            raise click.ClickException("Stopped. What was committed is kept, and so is what was fetched.") from None
    write_metrics(settings)
    _end(progress, asked, as_json=as_json, quiet=quiet)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _span(settings: "Settings", first: str | None, end: str | None, hour: str | None) -> tuple[int, int] | None:
    """From when to when; None: what is missing."""
    from mailevents_dagster.model.hour import SECONDS

    if hour is not None:
        start = hour_start(settings, "--hour", hour)
        return start, start + SECONDS
    if first is None:
        return None
    start = hour_start(settings, "--from", first)
    if end is None:
        return start, int(time.time())
    stop = hour_start(settings, "--to", end)
    if stop <= start:
        raise click.UsageError(f"--to `{end}` is not after --from `{first}`; --to is the hour after the last.")
    return start, stop


def _collect(
    hand: "ManualRuns",
    progress: "Progress",
    feeds: "Sequence[Feed]",
    span: tuple[int, int] | None,
    workers: int,
    *,
    quiet: bool,
) -> list[bool]:
    """Whether each run succeeded; none where there was nothing to do."""
    from mailevents_dagster.orchestration.manual_runs import given

    under_way = hand.under_way()

    def say(why: str) -> None:
        if not quiet:
            click.echo(why, err=True)

    for feed in feeds:
        if feed in under_way.held:
            say(f"{feed} is left out: a run has it under way.")
    free = [feed for feed in feeds if feed not in under_way.held]
    ended: list[bool] = []
    if span is None:
        if under_way.following:
            say("The hours now running are left out: another run follows them.")
        else:
            progress.expected += len(feeds)
            ended.append(hand.follow(feeds, progress.look))
        more = hand.due(free, progress.expect)
    else:
        asks = _asks(hand.settings, free, span, workers)
        if free and not asks:
            say("No hour of these has ended and is not before the start in the settings.")
        for ask in asks:
            progress.expect(ask)
        more = given(asks)
    ended += hand.collect(more, workers, progress.look, progress.hear)
    return ended + (hand.look_back(feeds, progress.look) if span is None else [])


def _asks(settings: "Settings", feeds: "Sequence[Feed]", span: tuple[int, int], workers: int) -> "Sequence[Ask]":
    """The hours that have ended, in runs: the newest first, as the sensor does, accounts side by side."""
    from mailevents_dagster.collecting.planning import Ask, divided
    from mailevents_dagster.model.hour import hours_between
    from mailevents_dagster.orchestration.manual_runs import FEED_HOURS_A_RUN

    hours = list(hours_between(max(span[0], settings.start), min(span[1], time.time()), settings.timezone))
    size = settings.collect.hours_per_run
    chunks = [hours[max(0, last - size) : last] for last in range(len(hours), 0, -size)]
    parts = [part for part in divided(feeds, workers if len(hours) * len(feeds) > FEED_HOURS_A_RUN else 1) if part]
    return [Ask(chunk[0].start, chunk[-1].end, tuple(part)) for chunk in chunks for part in parts]


def _end(progress: "Progress", succeeded: Sequence[bool], *, as_json: bool, quiet: bool) -> None:
    numbers, failed, lacking = progress.numbers(), progress.failures(), progress.lacking()
    incomplete = [one for one in lacking if one.lack.is_incomplete]
    if as_json:
        runs = {"runs": len(succeeded), "failed_runs": succeeded.count(False)}
        lacks = {"lacking": [one.as_json() for one in lacking]}
        click.echo(json.dumps({**numbers.as_json(progress.seconds), **runs, "failures": failed, **lacks}, indent=2))
    else:
        if succeeded and not quiet:
            click.echo("\n".join(numbers.lines(progress.seconds)))
        for feed, why in failed.items():
            click.echo(f"{feed} failed: {why}", err=True)
        shown = incomplete if quiet else lacking
        if shown:
            click.echo(f"{len(shown):,} hours do not hold everything: {_named(shown)}.", err=True)
    if not succeeded:
        if not quiet and not as_json:
            click.echo("There was nothing to collect.", err=True)
        sys.exit(Exit.NOTHING)
    sys.exit(Exit.SOME_FAILED if failed or incomplete or False in succeeded else Exit.DONE)


def _named(lacking: "Sequence[Lacking]") -> str:
    named = ", ".join(map(str, lacking[:LACKING_NAMED]))
    more = len(lacking) - LACKING_NAMED
    return f"{named} and {more:,} more, which `mailevents verify` names" if more > 0 else named
