"""What is said of hours and feeds: values in, a verdict with its numbers and what to do out. Pure; no Dagster, no I/O.

Numbers, hours and names of fields only: no verdict holds an address, a subject or anything else of a mail.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from statistics import median
from typing import TYPE_CHECKING, Final

from mailevents_dagster.events import Origin
from mailevents_dagster.pace import Pace
from mailevents_dagster.sources.uzmanposta.fields import Fields, field_names
from mailevents_dagster.store.manifest import Manifest
from mailevents_dagster.store.verify import Finding, Severity

if TYPE_CHECKING:
    from mailevents_dagster.status import FeedStatus

NAMED: Final = 20
"""Hours that a verdict names; the rest are counted."""
WEEKS_NEEDED: Final = 3
FACTOR: Final = 4.0
"""Of the usual number, up or down, within which an hour is as usual."""
FLOOR: Final = 50
"""Events more or fewer that are no matter whatever the factor: small numbers jump about."""
SPREADS: Final = 3 * 1.4826
"""So many median deviations are three standard deviations of a normal spread."""
INVARIANTS: Final = {
    "manifest": "manifests_damaged",
    "snapshot": "snapshots_damaged",
    "log": "logs_not_as_snapshot",
    "order": "hours_out_of_order",
    "hour": "hours_with_foreign_events",
    "counts": "hours_miscounted",
    "unfinished": "hours_unfinished",
}
"""Kinds of findings and the numbers they are counted under."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check says."""

    passed: bool
    said: str
    """What was found and, where it did not pass, what to do."""
    numbers: Mapping[str, float]
    """Under names that stay the same."""
    is_error: bool = False
    """Whether not to pass is an error; a warning otherwise."""
    hours: Sequence[str] = ()
    """Those that did not pass, or spans of them."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What an hour looks like in the store."""

    hour: str
    manifest: Manifest | None
    findings: tuple[Finding, ...] = ()
    repeated: int = 0
    """Mails that stand in the hour more than once."""
    without_detail: Mapping[str, int] = field(default_factory=dict)
    """Mails that have no detail of their own and are not owed one, by the reason that is recorded."""
    sampled: int = 0
    fields: Fields = field(default_factory=Fields)
    lost: frozenset[str] = frozenset()
    """Fields that all events of earlier hours had and none of this one has."""
    weeks: tuple[int, ...] = ()
    """How many events the same hour of the same weekday had, the newest week first."""


def complete(seen: Sequence[Seen], failed: Collection[str] = (), earlier: Iterable[Manifest] = ()) -> Verdict:
    """Whether hours hold everything that the API has of them, and those before them that are still looked at."""
    there = [one.manifest for one in seen if one.manifest]
    gone = [one.hour for one in seen if one.manifest is None]
    bad = [one for one in there if not one.complete and one.origin is Origin.API]
    still_open = [one for one in there if not one.closed]
    judged = {one.hour for one in seen}
    before = [one for one in earlier if one.hour not in judged]
    old = [one for one in before if one.closed and not one.complete and one.origin is Origin.API]
    numbers = {
        "hours": len(seen),
        "hours_incomplete": len(bad),
        "hours_open": len(still_open),
        "hours_failed": len(failed),
        "hours_without_manifest": len(gone),
        "hours_from_old_logs": sum(one.origin is Origin.LOGS for one in (*there, *before)),
        "details_owed": sum(one.details_owed for one in (*bad, *old)),
        "truncated_seconds": sum(len(one.gaps) for one in (*bad, *old)),
        "details_purged": sum(one.without_detail.get("purged", 0) for one in seen),
        "details_unasked": sum(one.without_detail.get("unasked", 0) for one in seen),
        "earlier_hours_incomplete": len(old),
    }
    hours = sorted({*(one.hour for one in (*bad, *still_open, *old)), *gone, *failed})
    wrong = [
        (bool(failed), f"{len(failed):,} hours could not be collected: the run's failure says why."),
        (bool(gone), f"{len(gone):,} hours have no readable manifest: materialize them again."),
        (
            bool(numbers["details_owed"]),
            (
                f"{numbers['details_owed']:,} details could not be had; the next collection asks for them first. Where "
                f"this stays, materialize the hours again and look into the run's log for what the API answered."
            ),
        ),
        (
            bool(numbers["truncated_seconds"]),
            (
                f"{numbers['truncated_seconds']:,} seconds hold more events than the API shows at once: what it does "
                f"not show cannot be had. Ask the vendor, or raise api.page_limit if it is below what the API allows."
            ),
        ),
        (bool(still_open), f"{len(still_open):,} hours were listed before they had settled; they close by themselves."),
    ]
    severe = bool(failed or gone or old) or any(one.closed for one in bad)
    good = f"All {len(seen):,} hours hold what the API has of them, listed to their end."
    return _verdict(wrong, good, numbers, hours, is_error=severe)


def well_formed(seen: Sequence[Seen]) -> Verdict:
    """Whether log, snapshot and manifest agree, in order, each event once and in its hour."""
    found = [finding for one in seen for finding in one.findings if finding.severity is not Severity.DIFFERENCE]
    kinds = Counter(finding.kind for finding in found)
    repeated = sum(one.repeated for one in seen)
    numbers = {
        "hours": len(seen),
        "events": sum(one.manifest.events for one in seen if one.manifest),
        **{name: kinds[kind] for kind, name in INVARIANTS.items()},
        "mails_twice": repeated,
    }
    wrong = [
        (bool(found), f"{len(found):,} things are not as they were committed. First: {found[0].what} {found[0].do}")
        if found
        else (False, ""),
        (
            bool(repeated),
            (
                f"{repeated:,} mails stand in their hour more than once, with one queue id and time: the API showed "
                f"them so, or they were collected twice. Compare with `mailevents verify --against-api`."
            ),
        ),
    ]
    hours = [one.hour for one in seen if one.findings or one.repeated]
    good = f"The logs and snapshots of {len(seen):,} hours agree, in order, each event once and in its hour."
    return _verdict(wrong, good, numbers, hours, is_error=bool(found))


def schema_known(seen: Sequence[Seen]) -> Verdict:
    """Whether the fields of the records are those that the columns are made of."""
    new = frozenset(chain.from_iterable(one.fields.new for one in seen))
    retyped = frozenset(chain.from_iterable(one.fields.retyped for one in seen))
    lost = frozenset(chain.from_iterable(one.lost for one in seen)) - retyped  # what a column cannot hold is null there
    numbers = {
        "records_sampled": sum(one.sampled for one in seen),
        "fields_new": len(new),
        "fields_missing": len(lost),
        "fields_retyped": len(retyped),
    }
    keep = "The records are kept whole in `raw`; the columns of sources/uzmanposta/schema.py are to follow."
    wrong = [
        (bool(new), f"New fields, in no column: {field_names(new)}."),
        (bool(lost), f"Fields that every event had and none has now: {field_names(lost)}."),
        (bool(retyped), f"Fields of another type than their columns, empty or nested there: {field_names(retyped)}."),
        (bool(new or lost or retyped), keep),
    ]
    hours = [one.hour for one in seen if one.fields.new or one.fields.retyped or one.lost - retyped]
    good = f"The fields of {numbers['records_sampled']:,} sampled records are those of the columns."
    return _verdict(wrong, good, numbers, hours)


def volume_as_usual(seen: Sequence[Seen]) -> Verdict:
    """Whether hours have about as many events as the same hour of the same weekday had."""
    judged = [(one, one.manifest.events) for one in seen if one.manifest and len(one.weeks) >= WEEKS_NEEDED]
    few = [one.hour for one, events in judged if is_unusual(events, one.weeks) and events < median(one.weeks)]
    many = [one.hour for one, events in judged if is_unusual(events, one.weeks) and events > median(one.weeks)]
    numbers: dict[str, float] = {
        "hours": len(seen),
        "hours_compared": len(judged),
        "events": sum(one.manifest.events for one in seen if one.manifest),
        "usual_events": round(sum(median(one.weeks) for one, _ in judged)),
        "hours_with_few": len(few),
        "hours_with_many": len(many),
    }
    wrong = [
        (
            bool(few),
            (
                f"{len(few):,} hours have fewer than a quarter of their usual events: is mail still routed to the "
                f"domain, and does the vendor's panel show more? Holidays are like this, too."
            ),
        ),
        (
            bool(many),
            (
                f"{len(many):,} hours have more than four times their usual events: a mailing, an attack or a loop. "
                f"Look at senders and recipients of the hours."
            ),
        ),
    ]
    good = (
        f"{len(judged):,} of {len(seen):,} hours were compared with earlier weeks and are as usual."
        if judged
        else f"Nothing to compare with yet: that takes {WEEKS_NEEDED} earlier weeks of the same hour."
    )
    return _verdict(wrong, good, numbers, [*few, *many])


def is_unusual(events: int, weeks: Sequence[int]) -> bool:
    """Far from the median by a factor, by a number, and by what these weeks differ among themselves."""
    usual = median(weeks)
    spread = median(abs(week - usual) for week in weeks)
    far = abs(events - usual) > max(FLOOR, SPREADS * spread)
    return far and not usual / FACTOR <= events <= usual * FACTOR


def current(feed: FeedStatus, expected: str | None) -> Verdict:
    """Whether the newest hour that should be closed is closed, and none before it is missing.

    `expected` is that hour, None where the feed has none yet.
    """
    is_behind = any(last == expected for _, last in feed.gaps)
    numbers = {
        "hours_closed": feed.closed_hours,
        "hours_missing": feed.missing_hours,
        "hours_failing": feed.failing_hours,
        "hours_forgotten": feed.forgotten_hours,
        "gaps": len(feed.gaps),
        "lag_seconds": feed.lag_seconds or 0,
    }
    cause = feed.last_failure.partition(":")[0] if feed.last_failure else ""  # what it said may name a mail
    failing = f" The last failure: {cause}; `mailevents status` says more." if feed.failing_hours else ""
    spans = [first if first == last else f"{first} to {last}" for first, last in reversed(feed.gaps)]
    do = f"They are asked for by themselves while the daemon and follow_feeds are on; or materialize them.{failing}"
    wrong = [
        (not feed.readable, "The cursor cannot be read: `mailevents status --rebuild-cursors` makes it anew."),
        (is_behind, f"{expected}, the newest hour that should be closed, is not."),
        (bool(feed.gaps), f"{feed.missing_hours:,} hours are missing, the newest of them {spans[0]}. {do}")
        if spans
        else (False, ""),
    ]
    good = f"Closed up to {feed.closed_until}, nothing is missing." if feed.closed_until else "No hour is due yet."
    return _verdict(wrong, good, numbers, spans, is_error=is_behind or not feed.readable)


def keeping_up(domain: str, pace: Pace | None) -> Verdict:
    """Whether the budget of an account's calls keeps up with the mails that arrive; None where it has no limit."""
    if pace is None:
        return _verdict([], "This account has no limit of calls but the API's own.", {})
    sentence = pace.sentence(domain)
    numbers = {
        "calls_needed_per_second": round(pace.arriving, 4),
        "calls_allowed_per_second": pace.allowed,
        "calls_behind": round(pace.behind),
    }
    if pace.seconds_to_catch_up is not None:
        numbers["seconds_to_catch_up"] = round(pace.seconds_to_catch_up)
    good = f"What arrives needs {pace.arriving:,.2f} calls a second of {pace.allowed:g} that are allowed."
    return _verdict([(True, sentence)] if sentence else [], good, numbers)


def _verdict(
    wrong: Iterable[tuple[bool, str]],
    good: str,
    numbers: Mapping[str, float],
    hours: Sequence[str] = (),
    *,
    is_error: bool = False,
) -> Verdict:
    """It passes where nothing is wrong."""
    said = [sentence for is_so, sentence in wrong if is_so]
    return Verdict(not said, " ".join(said) or good, numbers, is_error, hours)
