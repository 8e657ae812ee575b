"""What each feed has, by the stored cursors: how far it is, what is missing, what keeps failing. Loads no Dagster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from mailevents_dagster.collecting.budgets import paces
from mailevents_dagster.collecting.collector import Collector, collector_of
from mailevents_dagster.collecting.feed_states import rules_of, states_of
from mailevents_dagster.collecting.heartbeats import Heartbeats
from mailevents_dagster.collecting.pace import SECONDS_A_DAY
from mailevents_dagster.collecting.planning import (
    CLOCKS_AGREE_WITHIN,
    FeedState,
    Rules,
    closing_end,
    forgotten_hours,
    kept_from,
)
from mailevents_dagster.collecting.retries import waits_until
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.model.source import Queued
from mailevents_dagster.settings import Settings
from mailevents_dagster.store.cursors import UNFINISHED, Cursor, gaps, hours_in
from mailevents_dagster.store.lack import Lack
from mailevents_dagster.store.opening import store_of
from mailevents_dagster.store.store import Store

FRESH_SECONDS: Final = 30.0
"""An older heartbeat does not say that a process is at work; they are renewed every five seconds."""


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """One feed in numbers; `prometheus.OF_FEEDS` says what those mean that monitors get."""

    feed: str
    closed_until: str | None
    lag_seconds: int | None
    """Since the end of the newest closed hour; an hour closes settle_minutes after its end, so up to an hour more."""
    last_collected: str | None
    """When any of its hours was last committed, the one now running among them."""
    at_work: str | None
    """The hour that is being collected right now."""
    closed_hours: int
    missing_hours: int
    gaps: list[tuple[str, str]]
    """First and last of each span of missing hours, oldest first."""
    forgotten_hours: int
    failing_hours: int
    last_failure: str | None
    readable: bool
    incomplete_hours: int = 0
    details_owed: int = 0
    full_seconds: int = 0
    details_purged: int = 0
    waits_until: str | None = None
    """Until when it is left alone after a failure; as long as the source asked for, if it did."""
    reach_days: float | None = None
    """The age of an hour that the source refused as too old; of older ones, one a day is still asked for."""
    rows_shown: int | None = None
    """The most rows that the source shows at a time, if fewer than the settings say."""
    clock_seconds: float = 0.0
    """The source's clock less this machine's; the source's decides which hours are over."""
    waiting: int = 0
    """What waits to be handed to another system,"""
    waiting_seconds: int = 0
    """since when the first of it,"""
    is_late: bool = False
    """and whether that is longer than it should be."""
    set_aside: int = 0
    """What the other system will never take."""

    @property
    def is_current(self) -> bool:
        behind = self.missing_hours or self.failing_hours or self.incomplete_hours
        return self.readable and not (behind or self.is_late)

    @property
    def lack(self) -> Lack:
        """Return what its collected hours do not hold."""
        return Lack(self.details_owed, self.details_purged, self.full_seconds)

    @property
    def remark(self) -> str | None:
        """Return what the source turned out to do that explains hours which are missing."""
        said = []
        if self.reach_days is not None:
            gone = f"{self.forgotten_hours:,} hours that were never collected can no longer be had"
            said.append(f"the source refuses hours older than {self.reach_days:,.1f} days; {gone}")
        if self.rows_shown is not None:
            said.append(f"the source shows at most {self.rows_shown:,} rows at a time, fewer than the settings say")
        if abs(self.clock_seconds) > CLOCKS_AGREE_WITHIN:
            way = "ahead of" if self.clock_seconds < 0 else "behind"
            said.append(
                f"this machine's clock is {abs(self.clock_seconds):,.0f} s {way} the source's, which decides what is "
                f"over. Set the clock (NTP)"
            )
        if self.waiting:
            said.append(f"{self.waiting:,} messages wait, the first for {self.waiting_seconds:,} s")
        if self.set_aside:
            said.append(f"{self.set_aside:,} messages will never be taken; `reason` in its rows says why")
        return f"{self.feed}: {'; '.join(said)}." if said else None


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """The calls a second that an account needs for what arrives, and those it is allowed."""

    domain: str
    arriving: float
    allowed: float
    warning: str | None


@dataclass(frozen=True, slots=True)
class Status:
    """What all feeds have."""

    feeds: list[FeedStatus]
    accounts: list[AccountStatus]

    @property
    def is_good(self) -> bool:
        return all(feed.is_current for feed in self.feeds) and not any(one.warning for one in self.accounts)

    @property
    def verdict(self) -> str:
        """Return in one line how all feeds are, and what somebody must see to."""
        said = []
        if behind := [feed for feed in self.feeds if feed.missing_hours]:
            said.append(f"{sum(feed.missing_hours for feed in behind):,} hours of {_feeds(behind)} are missing")
        if failing := [feed for feed in self.feeds if feed.failing_hours]:
            why = (failing[0].last_failure or "").rstrip(".")
            said.append(f"{_feeds(failing)} failing, {failing[0].feed} with {why}")
        if incomplete := [feed for feed in self.feeds if feed.incomplete_hours]:
            lack = replace(sum((feed.lack for feed in incomplete), Lack()), details_purged=0)
            hours = sum(feed.incomplete_hours for feed in incomplete)
            said.append(
                f"{hours:,} hours of {_feeds(incomplete)} do not hold everything, with {lack}; `mailevents verify` "
                f"names them and what to do"
            )
        if late := [feed for feed in self.feeds if feed.is_late]:
            said.append(
                f"{sum(feed.waiting for feed in late):,} messages of {_feeds(late)} wait longer than they should"
            )
        if unreadable := [feed for feed in self.feeds if not feed.readable]:
            said.append(f"{len(unreadable):,} cursors are damaged or lost; the next collection makes new ones")
        said += [one.warning.rstrip(".") for one in self.accounts if one.warning]
        return f"{'; '.join(said)}." if said else f"All is current: {_feeds(self.feeds)}."


def _feeds(feeds: Sequence[FeedStatus]) -> str:
    return "1 feed" if len(feeds) == 1 else f"{len(feeds):,} feeds"


def status_of(settings: Settings, now: float, grace: float = 0.0, store: Store | None = None) -> Status:
    """Return the status of every feed, in the order of the settings; the newest hour has `grace` seconds to close.

    A store that is open already need not read again what has not changed.
    """
    collector, rules = collector_of(settings, store), replace(rules_of(settings), grace_seconds=grace)
    states = states_of(settings, collector.store)
    queued: dict[Feed, Queued] = {}
    configured = {feed.kind.source for feed in settings.feeds}
    for source in settings.sources:
        if source.name in configured:  # the others need not load what delivers
            queued |= source.queued(settings, collector.store)
    feeds = [_with_queued(_feed(state, now, rules, collector), queued.get(state.feed), now) for state in states]
    accounts = [
        AccountStatus(domain, round(pace.arriving, 4), pace.allowed, pace.sentence(domain))
        for domain, pace in paces(settings, collector.store, states, now)
    ]
    return Status(feeds, accounts)


def _feed(state: FeedState, now: float, rules: Rules, collector: Collector) -> FeedStatus:
    zone, theirs = rules.timezone, state.source_time(now)
    known = state.cursor or Cursor()
    kept = kept_from(state, now, rules)
    missing = list(gaps((kept, closing_end(theirs, rules)), known.closed))
    at_work = hour_at_work(collector.heartbeats, state.feed, now)
    # A collection counts as failed until it ends well, or until the source no longer has the hour.
    failed = [
        failure
        for start, failure in known.failed.items()
        if start >= kept and (failure.cause != UNFINISHED or not at_work)
    ]
    lack = sum(known.lacking.values(), Lack())
    newest = max(failed, key=lambda failure: failure.at, default=None)
    waits = waits_until(known, now, rules.first_wait) if failed else 0.0
    return FeedStatus(
        feed=str(state.feed),
        closed_until=Hour(known.closed[-1][1] - SECONDS, zone).key if known.closed else None,
        lag_seconds=round(theirs - known.closed[-1][1]) if known.closed else None,
        last_collected=_text(known.committed_at, zone) if known.committed_at else None,
        at_work=at_work,
        closed_hours=hours_in(known.closed),
        missing_hours=hours_in(missing),
        gaps=[(Hour(first, zone).key, Hour(last - SECONDS, zone).key) for first, last in missing],
        forgotten_hours=hours_in(forgotten_hours(state, now, rules)),
        failing_hours=len(failed),
        last_failure=f"{newest.cause}: {newest.said}" if newest else None,
        incomplete_hours=sum(one.is_incomplete for one in known.lacking.values()),
        details_owed=lack.details_owed,
        full_seconds=lack.gaps,
        details_purged=lack.details_purged,
        waits_until=_text(waits, zone) if waits > now else None,
        reach_days=round(known.refused.age / SECONDS_A_DAY, 2) if known.refused else None,
        rows_shown=int(known.learnt.get(state.feed.kind.learnt_row_limit, 0)) or None,
        clock_seconds=round(known.clock, 1),
        readable=state.cursor is not None,
    )


def _with_queued(status: FeedStatus, queued: Queued | None, now: float) -> FeedStatus:
    if queued is None:
        return status
    seconds = 0 if queued.oldest is None else round(now - queued.oldest)
    is_late = seconds > queued.late_after
    return replace(status, waiting=queued.waiting, waiting_seconds=seconds, is_late=is_late, set_aside=queued.aside)


def hour_at_work(heartbeats: Heartbeats, feed: Feed, now: float) -> str | None:
    """Return the hour of the feed that some process is collecting right now."""
    beat = heartbeats.read(feed)
    if beat is None or beat["status"] != "running" or now - beat["last_heartbeat_unix"] >= FRESH_SECONDS:
        return None
    return str(beat["hour"])


def _text(time: float, timezone: str) -> str:
    return datetime.fromtimestamp(time, ZoneInfo(timezone)).isoformat(timespec="seconds")


def rebuild_cursors(settings: Settings) -> Sequence[Feed]:
    """Make new cursors of all feeds from their manifests and return the feeds; noted failures are forgotten.

    A feed's own first hour, which no manifest knows, is kept if its old cursor can be read.
    """
    store = store_of(settings)
    for feed in settings.feeds:
        with store.writing(feed):
            store.feed_cursor(feed).rebuild()
    return settings.feeds
