"""`mailevents verify`."""

import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Final

import click

from mailevents_dagster.cli.terminal import Exit, configured, console, feed_option, feeds_like, hour_start

if TYPE_CHECKING:
    from mailevents_dagster.model.feed import Feed
    from mailevents_dagster.model.hour import Hour
    from mailevents_dagster.settings import Settings
    from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
    from mailevents_dagster.store.store import Store
    from mailevents_dagster.store.verify import Finding, Verified

MOST_NOTES: Final = 20
"""Beyond so many, notes are summed up by kind."""
NAMES_SHOWN: Final = 5
MB: Final = 1e6
DAY: Final = 86_400


@dataclass(slots=True)
class Outcome:
    """What was looked at and what was found."""

    hours: int = 0
    events: int = 0
    log_bytes: int = 0
    compared: int = 0
    """Hours that were listed again."""
    not_compared: int = 0
    """Hours that could not be listed, or were not tried after a key was refused."""
    forgotten: int = 0
    """Hours that the API no longer has."""
    calls: int = 0
    findings: "list[Finding]" = field(default_factory=list)

    def add(self, verified: "Verified") -> None:
        self.hours += 1
        self.events += verified.events
        self.log_bytes += verified.log_bytes
        self.findings += verified.findings

    def add_comparison(self, findings: "Sequence[Finding]") -> None:
        failed = any(finding.severity == "failed" for finding in findings)
        self.compared += not failed
        self.not_compared -= not failed
        self.findings += findings

    @property
    def is_empty(self) -> bool:
        return not self.hours and not self.findings

    @property
    def bad(self) -> "list[Finding]":
        return [finding for finding in self.findings if finding.severity != "note"]

    @property
    def notes(self) -> "list[Finding]":
        return [finding for finding in self.findings if finding.severity == "note"]


@click.command()
@feed_option
@click.option("--from", "first", metavar="HOUR", help="First hour, such as 2026-11-01T00:00; else the first kept.")
@click.option("--to", "end", metavar="HOUR", help="Hour after the last; else all that are kept.")
@click.option("--against-api", is_flag=True, help="Also list the hours again and name what the API shows otherwise.")
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object.")
def verify(patterns: tuple[str, ...], first: str | None, end: str | None, *, against_api: bool, as_json: bool) -> None:
    """Whether what is stored is what was committed: every log, Parquet file, manifest and cursor. Changes nothing.

    Ends with 1 where something is damaged, a closed hour does not hold everything that the API has, or the API shows
    otherwise; with 3 where nothing is stored in that range.
    """
    from mailevents_dagster.collecting.configuration import store_of
    from mailevents_dagster.store.inventory import Inventory
    from mailevents_dagster.store.verify import FOR_EVER, kept_hours, verify_feed

    settings = configured()
    feeds = feeds_like(settings, patterns)
    span = (
        hour_start(settings, "--from", first) if first else 0,
        hour_start(settings, "--to", end) if end else FOR_EVER,
    )
    if span[0] >= span[1]:
        raise click.UsageError("--from lies not before --to.")
    store = store_of(settings)
    inventory = Inventory(store.layout, store.timezone, time.time() + DAY)
    hours = [(feed, hour) for feed in feeds for hour in kept_hours(inventory, feed, *span)]
    outcome = _verified(store, hours)
    for feed in feeds:
        outcome.findings += verify_feed(store, inventory, feed, *span)
    if against_api:
        _compare(settings, store, hours, outcome)
    if as_json:
        _print_json(outcome)
    else:
        _show(outcome)
    if outcome.is_empty:
        sys.exit(Exit.NOTHING)
    sys.exit(Exit.SOME_FAILED if outcome.bad else Exit.DONE)


def _verified(store: "Store", hours: "Sequence[tuple[Feed, Hour]]") -> Outcome:
    from mailevents_dagster.cli.progress import progress
    from mailevents_dagster.health.incomplete_hours import lacks
    from mailevents_dagster.store.verify import verify_hour

    outcome = Outcome()
    began = time.monotonic()

    def said(done: int) -> str:
        pace = outcome.log_bytes / MB / (time.monotonic() - began)
        return f"{done:,} of {len(hours):,} hours, {pace:,.0f} MB/s"

    with progress(console(stderr=True), len(hours), said) as tell:
        for feed, hour in hours:
            outcome.add(verify_hour(store, feed, hour))
            if manifest := store.readable_manifest(feed, hour):
                outcome.findings += lacks(manifest)
            tell(1)
    return outcome


def _compare(settings: "Settings", store: "Store", hours: "Sequence[tuple[Feed, Hour]]", outcome: Outcome) -> None:
    """Lists the hours again that the API still has, account by account; one that refuses holds up no other."""
    from mailevents_dagster.cli.progress import progress
    from mailevents_dagster.collecting.configuration import states_of
    from mailevents_dagster.sources.uzmanposta.compare import compare_hours

    now, states = time.time(), {state.feed: state for state in states_of(settings, store)}
    due = [(feed, hour) for feed, hour in hours if states[feed].is_given(hour.start, now)]
    outcome.forgotten, outcome.not_compared = len(hours) - len(due), len(due)

    def said(_: int) -> str:
        return f"{outcome.compared:,} of {len(due):,} hours, {outcome.calls:,} calls"

    with progress(console(stderr=True), len(due), said) as tell:
        for domain in dict.fromkeys(feed.domain for feed, _ in due):
            with _client(settings, domain) as api:
                before = outcome.calls
                for findings in compare_hours(api, store, [pair for pair in due if pair[0].domain == domain]):
                    outcome.add_comparison(findings)
                    outcome.calls = before + api.tally.lists
                    tell(1)


def _client(settings: "Settings", domain: str) -> "UzmanPostaApi":
    from mailevents_dagster.sources.uzmanposta.accounts import access_of
    from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi

    try:
        return UzmanPostaApi(access_of(settings, domain))
    except ValueError as error:  # the value of the key cannot be one
        raise click.ClickException(str(error)) from error


def _print_json(outcome: Outcome) -> None:
    from mailevents_dagster.store.verify import Severity

    click.echo(
        json.dumps(
            {
                "hours": outcome.hours,
                "events": outcome.events,
                "log_bytes": outcome.log_bytes,
                "compared_hours": outcome.compared,
                "not_compared_hours": outcome.not_compared,
                "forgotten_hours": outcome.forgotten,
                "list_calls": outcome.calls,
                **{word: sum(one.severity == word for one in outcome.findings) for word in Severity},
                "findings": [asdict(finding) for finding in outcome.findings],
            },
            indent=2,
        )
    )


def _show(outcome: Outcome) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    shown = outcome.bad + (outcome.notes if len(outcome.notes) <= MOST_NOTES else [])
    out = console()
    if shown:
        table = Table("feed", "hour", "", box=box.SIMPLE)
        for name in ("what is wrong", "what to do"):
            table.add_column(name, overflow="fold")  # a path that is cut short names no file
        for one in shown:
            names = ", ".join(one.names[:NAMES_SHOWN])
            more = f" and {len(one.names) - NAMES_SHOWN:,} more" if len(one.names) > NAMES_SHOWN else ""
            what = f"{one.what} {names}{more}" if names else one.what
            table.add_row(one.feed, one.hour or "", one.severity, escape(what), escape(one.do))
        out.print(table)
    if len(outcome.notes) > MOST_NOTES:
        kinds = Counter(one.kind for one in outcome.notes)
        summed = ", ".join(f"{number:,} {kind}" for kind, number in kinds.most_common())
        out.print(f"{len(outcome.notes):,} notes: {summed}. `mailevents verify --json` has them all.", soft_wrap=True)
    out.print(_verdict(outcome), soft_wrap=True)


def _verdict(outcome: Outcome) -> str:
    if outcome.is_empty:
        return "Nothing is stored in that range, so there is nothing to verify."
    looked = f"{outcome.hours:,} hours with {outcome.events:,} events in {outcome.log_bytes / MB:,.1f} MB of logs"
    kinds = Counter(str(one.severity) for one in outcome.findings)
    found = ", ".join(f"{number:,} {kind}{'s' * (kind == 'note' and number > 1)}" for kind, number in kinds.items())
    asked = (
        f" {outcome.compared:,} hours were listed again in {outcome.calls:,} calls, {outcome.not_compared:,} were not; "
        f"{outcome.forgotten:,} hours are older than the API is asked for."
    )
    verdict = found if outcome.bad else f"all is as it was committed{f' ({found})' if found else ''}"
    return f"{looked}: {verdict}.{asked if outcome.compared or outcome.not_compared or outcome.forgotten else ''}"
