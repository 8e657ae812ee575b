"""Verdicts on hours and feeds: what was found, its numbers, and what to do. Pure; no Dagster, no I/O.

They hold numbers, hours and names of fields, and never an address, a subject or anything else of a mail.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from statistics import median
from typing import TYPE_CHECKING, Final

from mailevents_dagster.collecting.pace import Pace
from mailevents_dagster.health.incomplete_hours import ASK_THE_VENDOR, GONE
from mailevents_dagster.model.columns import Fields, field_names
from mailevents_dagster.model.event import Origin
from mailevents_dagster.store.manifest import Manifest
from mailevents_dagster.store.verify import Finding

if TYPE_CHECKING:
    from mailevents_dagster.health.status import FeedStatus

NAMED: Final = 20
"""Hours that a verdict names; the rest are counted."""
WEEKS_NEEDED: Final = 3
FACTOR: Final = 4.0
"""An hour is as usual within this factor of the usual number, up or down."""
STRANGE: Final = 0.05
"""A larger share of records that no rule knows means that the rules should follow."""
FLOOR: Final = 50
"""A difference of so few events never matters: small numbers jump about."""
SPREADS: Final = 3 * 1.4826
"""Median deviations that are three standard deviations of a normal distribution."""
INVARIANTS: Final = {
    "manifest": "manifests_damaged",
    "snapshot": "snapshots_damaged",
    "log": "logs_not_as_snapshot",
    "order": "hours_out_of_order",
    "hour": "hours_with_foreign_events",
    "counts": "hours_miscounted",
    "unfinished": "hours_unfinished",
}
"""The names of numbers by the kinds of findings that they count."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of a check."""

    passed: bool
    said: str
    """What was found and what to do; a word or two where it passed, since Dagster stores it nine times: three times in
    an event, and the event by run, by asset and by check."""
    numbers: Mapping[str, float]
    is_error: bool = False
    """Not passing is an error, and a warning otherwise."""
    hours: Sequence[str] = ()
    """The hours that did not pass, or spans of them."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An hour as it lies in the store."""

    hour: str
    manifest: Manifest | None
    findings: tuple[Finding, ...] = ()
    repeated: int = 0
    """Mails that are in the hour more than once."""
    without_detail: Mapping[str, int] = field(default_factory=dict)
    """Mails whose detail is neither there nor owed, by the recorded reason."""
    sampled: int = 0
    not_understood: int = 0
    """Events that no rule of the source knew; their records are kept as they are."""
    fields: Fields = field(default_factory=Fields)
    lost: frozenset[str] = frozenset()
    """Fields that all events of earlier hours had and none of this one has."""
    weeks: tuple[int, ...] = ()
    """The number of events in the same hour of earlier weeks, the newest first."""


def complete(seen: Sequence[Seen], failed: Collection[str] = (), earlier: Iterable[Manifest] = ()) -> Verdict:
    """Whether hours, and earlier ones that are still looked at, hold everything that the source has of them."""
    there = [one.manifest for one in seen if one.manifest]
    gone = [one.hour for one in seen if one.manifest is None]
    open_ = [one for one in there if not one.closed]
    judged = {one.hour for one in seen}
    before = [one for one in earlier if one.hour not in judged]
    bad, old = list(filter(_lacks_something, there)), [one for one in before if one.closed and _lacks_something(one)]
    numbers = {
        "hours": len(seen),
        "hours_incomplete": len(bad),
        "hours_open": len(open_),
        "hours_failed": len(failed),
        "hours_without_manifest": len(gone),
        "hours_from_old_logs": sum(one.origin is Origin.LOGS for one in (*there, *before)),
        "details_owed": sum(one.details_owed for one in (*bad, *old)),
        "truncated_seconds": sum(gap.end is None for one in (*bad, *old) for gap in one.gaps),
        "times_lost": sum(gap.end is not None for one in (*bad, *old) for gap in one.gaps),
        "details_purged": sum(one.without_detail.get("purged", 0) for one in seen),
        "details_unasked": sum(one.without_detail.get("unasked", 0) for one in seen),
        "earlier_hours_incomplete": len(old),
    }
    hours = sorted({*(one.hour for one in (*bad, *open_, *old)), *gone, *failed})
    is_error = bool(failed or gone or old) or any(one.closed for one in bad)
    return _verdict(_what_lacks(numbers), "Complete.", numbers, hours, is_error=is_error)


def _lacks_something(manifest: Manifest) -> bool:
    """Return whether an hour from the source is incomplete; what those from old logs lack is unknown."""
    return manifest.origin is Origin.SOURCE and not manifest.complete


def _what_lacks(numbers: Mapping[str, int]) -> Iterator[str]:
    if failed := numbers["hours_failed"]:
        yield f"{failed:,} hours could not be collected: the run's failure says why."
    if gone := numbers["hours_without_manifest"]:
        yield f"{gone:,} hours have no readable manifest: materialize them again."
    if owed := numbers["details_owed"]:
        yield (
            f"{owed:,} details could not be had; the next collection asks for them first. If this stays, "
            f"materialize the hours again and look in the run's log for what the source answered."
        )
    if seconds := numbers["truncated_seconds"]:
        yield f"{seconds:,} seconds hold more events than the source shows at once. {ASK_THE_VENDOR}"
    if lost := numbers["times_lost"]:
        yield f"Of {lost:,} times the source shows nothing; `mailevents verify` names them. {GONE}"
    if still_open := numbers["hours_open"]:
        yield f"{still_open:,} hours were listed before they had settled; they close by themselves."


def well_formed(seen: Sequence[Seen]) -> Verdict:
    """Whether log, snapshot and manifest agree, in order, each event once and in its hour."""
    found = [finding for one in seen for finding in one.findings]
    kinds = Counter(finding.kind for finding in found)
    repeated = sum(one.repeated for one in seen)
    numbers = {
        "events": sum(one.manifest.events for one in seen if one.manifest),
        **{name: kinds[kind] for kind, name in INVARIANTS.items()},
        "mails_twice": repeated,
    }
    said = []
    if found:
        said.append(f"{len(found):,} things are not as they were committed. First: {found[0].what} {found[0].do}")
    if repeated:
        said.append(
            f"{repeated:,} mails are in their hour once more, with the same id and time: the source showed them so, "
            f"or they were collected twice. `mailevents verify --against-source` compares."
        )
    hours = [one.hour for one in seen if one.findings or one.repeated]
    return _verdict(said, "As committed.", numbers, hours, is_error=bool(found))


def schema_known(seen: Sequence[Seen]) -> Verdict:
    """Whether the records have the fields that the columns are made of."""
    new = frozenset(chain.from_iterable(one.fields.new for one in seen))
    retyped = frozenset(chain.from_iterable(one.fields.retyped for one in seen))
    lost = frozenset(chain.from_iterable(one.lost for one in seen)) - retyped  # what a column cannot hold is null there
    strange = sum(one.not_understood for one in seen)
    events = sum(one.manifest.events for one in seen if one.manifest)
    numbers = {
        "records_sampled": sum(one.sampled for one in seen),
        "records_not_understood": strange,
        "share_not_understood": round(strange / events, 4) if events else 0.0,
        "fields_new": len(new),
        "fields_missing": len(lost),
        "fields_retyped": len(retyped),
    }
    differing = {
        "New fields, in no column": new,
        "Fields that every event had and none has now": lost,
        "Fields of another type than their columns, empty or nested there": retyped,
    }
    said = [f"{what}: {field_names(names)}." for what, names in differing.items() if names]
    is_strange = strange > STRANGE * events
    if is_strange:
        said.append(f"{strange:,} of {events:,} records match no rule, so that most of their columns are empty.")
    if said:
        said.append("The records are kept whole in `raw`; the columns of their source should follow.")
    hours = [
        one.hour
        for one in seen
        if one.fields.new or one.fields.retyped or one.lost - retyped or (is_strange and one.not_understood)
    ]
    return _verdict(said, "As known.", numbers, hours)


def volume_as_usual(seen: Sequence[Seen]) -> Verdict:
    """Whether hours have about as many events as the same hour of the same weekday usually has."""
    judged = [(one, one.manifest.events) for one in seen if one.manifest and len(one.weeks) >= WEEKS_NEEDED]
    unusual = [(one.hour, events > median(one.weeks)) for one, events in judged if is_unusual(events, one.weeks)]
    many = [hour for hour, is_more in unusual if is_more]
    few = [hour for hour, is_more in unusual if not is_more]
    numbers: dict[str, float] = {
        "hours_compared": len(judged),
        "events": sum(one.manifest.events for one in seen if one.manifest),
        "usual_events": round(sum(median(one.weeks) for one, _ in judged)),
        "hours_with_few": len(few),
        "hours_with_many": len(many),
    }
    said = []
    if few:
        said.append(
            f"{len(few):,} hours have less than a quarter of their usual events: is mail still routed there, and "
            f"does the source itself show more? A holiday looks like this, too."
        )
    if many:
        said.append(
            f"{len(many):,} hours have more than four times their usual events: a mailing, an attack or a loop. Look "
            f"at the senders and recipients of these hours."
        )
    good = "As usual." if judged else f"Nothing to compare with yet: {WEEKS_NEEDED} earlier weeks are needed."
    return _verdict(said, good, numbers, [*few, *many])


def is_unusual(events: int, weeks: Sequence[int]) -> bool:
    """Return whether the number is far from the median by a factor, by count, and by how much weeks differ."""
    usual = median(weeks)
    spread = median(abs(week - usual) for week in weeks)
    far = abs(events - usual) > max(FLOOR, SPREADS * spread)
    return far and not usual / FACTOR <= events <= usual * FACTOR


def current(feed: FeedStatus, expected: str | None) -> Verdict:
    """Whether the newest hour that should be closed is closed, and no earlier one is missing."""
    is_behind = any(last == expected for _, last in feed.gaps)
    numbers = {
        "hours_closed": feed.closed_hours,
        "hours_missing": feed.missing_hours,
        "hours_failing": feed.failing_hours,
        "hours_forgotten": feed.forgotten_hours,
        "gaps": len(feed.gaps),
        "lag_seconds": feed.lag_seconds or 0,
    }
    spans = [first if first == last else f"{first} to {last}" for first, last in reversed(feed.gaps)]
    said = []
    if not feed.readable:
        said.append("The cursor cannot be read: `mailevents status --rebuild-cursors` makes a new one.")
    if is_behind:
        said.append(f"{expected}, the newest hour that should be closed, is not.")
    if spans:
        said.append(
            f"{feed.missing_hours:,} hours are missing, the newest of them {spans[0]}. They are collected by "
            f"themselves while the daemon and follow_feeds are on; you can materialize them, too."
        )
    if feed.failing_hours and feed.last_failure:
        cause = feed.last_failure.partition(":")[0]  # what it said may name a mail
        said.append(f"{feed.failing_hours:,} hours fail, the last with {cause}: `mailevents status` says more.")
    good = f"Closed up to {feed.closed_until}, nothing is missing." if feed.closed_until else "No hour is due yet."
    return _verdict(said, good, numbers, spans, is_error=is_behind or not feed.readable)


def published(feed: FeedStatus) -> Verdict:
    """Whether nothing waits longer than it should to be handed over, and nothing was refused for good."""
    numbers = {"waiting": feed.waiting, "waiting_seconds": feed.waiting_seconds, "set_aside": feed.set_aside}
    said = []
    if feed.is_late:
        said.append(
            f"{feed.waiting:,} messages wait, the first for {feed.waiting_seconds:,} s. The runs of this feed say why "
            f"the other side does not take them; they are kept and tried again."
        )
    if feed.set_aside:
        said.append(f"{feed.set_aside:,} messages will never be taken; `reason` in the rows of this feed says why.")
    good = "Nothing waits too long." if feed.waiting else "Nothing waits."
    return _verdict(said, good, numbers, is_error=feed.is_late)


def keeping_up(domain: str, pace: Pace | None) -> Verdict:
    """Whether an account may call often enough for the mails that arrive."""
    if pace is None:
        return _verdict([], "No limit is set.", {})
    sentence = pace.sentence(domain)
    numbers = {
        "calls_needed_per_second": round(pace.arriving, 4),
        "calls_allowed_per_second": pace.allowed,
        "calls_behind": round(pace.behind),
    }
    if pace.seconds_to_catch_up is not None:
        numbers["seconds_to_catch_up"] = round(pace.seconds_to_catch_up)
    good = f"What arrives needs {pace.arriving:,.2f} calls a second of {pace.allowed:g} that are allowed."
    return _verdict([sentence] if sentence else [], good, numbers)


def _verdict(
    wrong: Iterable[str],
    good: str,
    numbers: Mapping[str, float],
    hours: Sequence[str] = (),
    *,
    is_error: bool = False,
) -> Verdict:
    said = list(wrong)
    return Verdict(not said, " ".join(said) or good, numbers, is_error, hours)
