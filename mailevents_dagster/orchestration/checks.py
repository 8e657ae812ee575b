"""Asset checks: how verdicts on hours and feeds become results that Dagster shows. The verdicts are in `health/`.

Four look at the hours that a run has just collected, in the step of the asset. Two look at each feed as a whole, once
an hour, in one run for all. Runs that start by themselves select no checks and log their evaluations, one row of the
event log each. A check that is selected, as in the UI, costs three.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import dagster as dg

from mailevents_dagster.collecting.budgets import paces
from mailevents_dagster.collecting.feed_states import rules_of, states_of
from mailevents_dagster.collecting.planning import closing_end
from mailevents_dagster.health.observations import look, manifests_between, newest_closed
from mailevents_dagster.health.status import status_of
from mailevents_dagster.health.verdicts import (
    NAMED,
    Verdict,
    complete,
    current,
    keeping_up,
    published,
    schema_known,
    volume_as_usual,
    well_formed,
)
from mailevents_dagster.model.feed import Feed, dagster_name
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.orchestration.internals import CheckSpec
from mailevents_dagster.orchestration.io_manager import EventStore
from mailevents_dagster.orchestration.runs_in_flight import CHECKS_JOB
from mailevents_dagster.settings import Settings
from mailevents_dagster.store.store import Store

OF_HOURS: Final = (complete, well_formed, schema_known, volume_as_usual)
CLOSES_WITHIN: Final = 300
"""Seconds after it has settled in which an hour is closed where all is well."""
Result = dg.AssetCheckResult | dg.AssetCheckEvaluation


@dataclass(frozen=True, slots=True)
class HourChecks:
    """The four checks of a feed's hours."""

    store: Store
    feed: Feed
    lookback_hours: int
    """How far back incomplete hours are still mentioned."""

    @property
    def specs(self) -> list[dg.AssetCheckSpec]:
        return [_spec(self.feed, check) for check in OF_HOURS]

    def judge(self, hours: Sequence[Hour], failed: Sequence[str] = ()) -> Iterator[tuple[str, Verdict]]:
        """Yield the verdict of each check on these hours; if all of them failed, of the first check alone."""
        seen = [look(self.store, self.feed, hour) for hour in hours]
        now = time.time()
        earlier = manifests_between(self.store, self.feed, now - self.lookback_hours * SECONDS, now)
        yield complete.__name__, complete(seen, failed, earlier)
        if seen:
            for check in (well_formed, schema_known, volume_as_usual):
                yield check.__name__, check(seen)

    def results(self, context: dg.AssetExecutionContext, hours: Sequence[Hour]) -> Iterator[Result]:
        """Yield results of the selected checks and, unless only checks were asked for, evaluations of the others."""
        selected = {key.name for key in context.selected_asset_check_keys}
        for name, verdict in self.judge(hours):
            if name in selected:
                yield dg.AssetCheckResult(check_name=name, **shown(verdict))
            elif context.selected_asset_keys:
                yield _evaluation(self.feed, name, verdict)

    def newest(self) -> list[Hour]:
        """Return the hour that is looked at when a check is executed by itself."""
        hour = newest_closed(self.store, self.feed)
        return [hour] if hour else []

    def report(self, instance: dg.DagsterInstance, hours: Sequence[Hour], failed: Sequence[str]) -> None:
        """Report verdicts beside the run: Dagster takes no more results of a step that fails."""
        for name, verdict in self.judge(hours, failed):
            instance.report_runless_asset_event(_evaluation(self.feed, name, verdict))


def feed_checks(settings: Settings) -> dg.AssetChecksDefinition:
    """Return the checks of feeds as wholes, for people who execute them in the UI."""
    specs = [_spec(feed, check) for feed in settings.feeds for check in _of_feed(feed)]
    outputs = {spec.get_python_identifier(): spec for spec in specs}
    # Not by @multi_asset_check, which names inputs after asset keys: those of mailboxes hold an @, which it refuses.
    inputs = {dagster_name("__".join(feed.asset_key)): dg.AssetKey(feed.asset_key) for feed in settings.feeds}

    @dg.op(
        name="feeds_as_wholes",
        ins={name: dg.In(dg.Nothing) for name in inputs},
        out={name: dg.Out(None, is_required=False) for name in outputs},
    )
    def check(context: dg.OpExecutionContext, event_store: dg.ResourceParam[EventStore]) -> Any:
        for feed, name, verdict in _judged(settings, event_store.store, time.time()):
            key = dg.AssetKey(feed.asset_key)
            if dg.AssetCheckKey(key, name) in context.selected_asset_check_keys:
                yield dg.AssetCheckResult(asset_key=key, check_name=name, **shown(verdict))

    made: dg.AssetChecksDefinition = dg.AssetChecksDefinition.create(
        keys_by_input_name=inputs, node_def=check, check_specs_by_output_name=outputs, can_subset=True
    )
    return made


def _of_feed(feed: Feed) -> Iterator[Callable[..., Verdict]]:
    yield current
    if feed.kind.makes_calls:
        yield keeping_up
    if feed.kind.is_delivery:
        yield published


def check_job(settings: Settings) -> dg.JobDefinition:
    """Say of every feed whether it is current, and of every account whether it keeps up. Collects nothing."""

    @dg.op(name="check_all_feeds", out={}, description=check_job.__doc__)
    def check(context: dg.OpExecutionContext, event_store: dg.ResourceParam[EventStore]) -> Any:
        behind = 0
        for feed, name, verdict in _judged(settings, event_store.store, time.time()):
            yield _evaluation(feed, name, verdict)
            behind += name == current.__name__ and not verdict.passed
        context.log.info(f"{len(settings.feeds):,} feeds were looked at; {behind:,} of them lack hours.")

    @dg.job(name=CHECKS_JOB, description=check_job.__doc__)
    def job() -> None:
        check()

    return job


def _judged(settings: Settings, store: Store, now: float) -> Iterator[tuple[Feed, str, Verdict]]:
    """Yield the verdicts on every feed."""
    states, rules = states_of(settings, store), replace(rules_of(settings), grace_seconds=CLOSES_WITHIN)
    budgets = dict(paces(settings, store, states, now))
    for state, status in zip(states, status_of(settings, now, CLOSES_WITHIN).feeds, strict=True):
        feed = state.feed
        expected = Hour(closing_end(state.source_time(now), rules), settings.timezone).previous.key
        yield feed, current.__name__, current(status, expected)
        if feed.kind.is_delivery:
            yield feed, published.__name__, published(status)
        if feed.kind.makes_calls:
            yield feed, keeping_up.__name__, keeping_up(feed.domain, budgets.get(feed.domain))


def _spec(feed: Feed, check: Callable[..., Verdict]) -> dg.AssetCheckSpec:
    return CheckSpec(check.__name__, asset=dg.AssetKey(feed.asset_key), description=check.__doc__)


def _evaluation(feed: Feed, name: str, verdict: Verdict) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(dg.AssetKey(feed.asset_key), name, **shown(verdict))


def shown(verdict: Verdict) -> dict[str, Any]:
    """Return what Dagster shows of a verdict; no zeros, since each would be 75 bytes of event log forever."""
    numbers = {name: number for name, number in verdict.numbers.items() if number}
    named = ", ".join(verdict.hours[:NAMED])
    more = f" and {len(verdict.hours) - NAMED:,} more" if len(verdict.hours) > NAMED else ""
    return {
        "passed": verdict.passed,
        "severity": dg.AssetCheckSeverity.ERROR if verdict.is_error else dg.AssetCheckSeverity.WARN,
        "description": verdict.said,
        "metadata": {**numbers, **({"failing_hours": named + more} if named else {})},
    }
