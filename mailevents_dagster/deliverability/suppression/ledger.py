"""The ledger of a domain: what speaks against each address, and what follows from it by the rules. Pure.

Events are applied in the order of their time, and the ledger after a day is that before it and the day's events. So it
does not matter when a day is made, nor how often.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from mailevents_dagster.sources.outcomes.settings.suppression import Counting, SuppressionRules

DAY: Final = 86_400_000
"""Milliseconds of a day."""
KEPT_OF_DAY: Final = 3
"""Pieces of evidence of one reason that are kept of a day: one counts, and the last may yet turn out to be none."""
HARD: Final = "hard"
SOFT: Final = "soft"
COMPLAINT: Final = "complaint"
UNSUBSCRIBED: Final = "unsubscribed"
MANUAL: Final = "manual"
REASONS: Final = (MANUAL, COMPLAINT, UNSUBSCRIBED, HARD, SOFT)
"""Why an address is suppressed; the gravest first."""
ALIVE: Final = "alive"
WAITING: Final = "waiting"
ENDED: Final = "ended"
REMOVED: Final = "removed"
_BY_HAND: Final = Counting()
_OUTCOMES: Final = {HARD, SOFT, WAITING, ENDED, ALIVE}
"""What became of a mail: of each mail the last one counts."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was told of an address, by whom."""

    what: str
    """One of REASONS; or what speaks for it: ALIVE, ENDED (a mail came to an end that means nothing), REMOVED."""
    address: str
    """As it was written."""
    at: int
    """Unix time in milliseconds."""
    day: str
    """The day of that in the time zone of the settings."""
    mail: str = ""
    """Names the mail; empty where it is about none."""
    rule: str = ""
    """The rule that put the failure into its class, or the reason that somebody gave."""
    code: int | None = None
    enhanced_code: str = ""
    text: str = ""
    feed: str = ""
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class Suppression:
    """Why and until when an address must not be mailed."""

    evidence: Evidence
    """The newest that the rules take for enough."""
    until: int | None
    """Unix time in milliseconds; None: until it is removed."""


Standing = tuple[Evidence, ...]
"""What speaks against one address, in the order of time."""
Ledger = Mapping[str, Standing]
"""By addresses as they are compared."""


def ledger_after(
    ledger: Ledger, events: Iterable[tuple[str, Evidence]], rules: SuppressionRules, end: int
) -> dict[str, Standing]:
    """Return the ledger at the end of a time (Unix, in milliseconds), by the events in it, each with its address."""
    made = dict(ledger)
    ordered = sorted(events, key=lambda one: (one[1].at, one[1].feed, one[1].event_id, one[1].what))
    for address, event in ordered:
        made[address] = _after(made.get(address, ()), event, rules)
    settled = {address: _settled(standing, rules, end) for address, standing in made.items()}
    return {address: standing for address, standing in sorted(settled.items()) if standing}


def suppressions(standing: Standing, rules: SuppressionRules, at: int) -> dict[str, Suppression]:
    """Return what suppresses an address at a time (Unix, in milliseconds), by its reason, the gravest first."""
    present = {one.what for one in standing}
    found: dict[str, Suppression] = {}
    for reason in REASONS:
        if reason in present:
            one = _suppression([one for one in standing if one.what == reason], counting(rules, reason))
            if one and (one.until is None or at < one.until):
                found[reason] = one
    return found


def _suppression(evidence: Sequence[Evidence], rule: Counting) -> Suppression | None:
    """Return what follows from evidence of one reason: its newest piece that is enough with those before it counts."""
    for place in range(len(evidence) - 1, -1, -1):
        last = evidence[place]
        if rule.on_days == 1 or _days_near(evidence[: place + 1], last, rule) >= rule.on_days:
            return Suppression(last, None if rule.for_days is None else last.at + rule.for_days * DAY)
    return None


def _days_near(evidence: Sequence[Evidence], last: Evidence, rule: Counting) -> int:
    return len({one.day for one in evidence if _is_near(one, last, rule)})


def counting(rules: SuppressionRules, reason: str) -> Counting:
    """Return the rule of a reason; what people add stands until people remove it."""
    return _BY_HAND if reason == MANUAL else getattr(rules, SOFT if reason == WAITING else reason)


def in_order(evidence: Iterable[Evidence]) -> Standing:
    """Return evidence in the order of its time, and of its names where times are the same."""
    return tuple(sorted(evidence, key=lambda one: (one.at, one.feed, one.event_id, one.what)))


def _after(standing: Standing, event: Evidence, rules: SuppressionRules) -> Standing:
    if event.what == REMOVED:
        return tuple(one for one in standing if one.at > event.at)
    kept = [one for one in standing if not _supersedes(event, one)]
    if event.what == ALIVE:
        return tuple(one for one in kept if one.at >= event.at or not counting(rules, one.what).reset_by_delivery)
    return tuple(kept) if event.what == ENDED else in_order([*kept, event])


def _supersedes(event: Evidence, one: Evidence) -> bool:
    """Return whether the event is the later word on the same mail, as a bounce message is after the log."""
    is_outcome = event.what in _OUTCOMES and one.what in _OUTCOMES
    is_later = bool(event.mail) and event.mail == one.mail and event.at >= one.at
    return is_later and (is_outcome or event.what == one.what)


def _settled(standing: Standing, rules: SuppressionRules, end: int) -> Standing:
    """Return the standing at a time: mails given up count, and what will never count again is gone."""
    silence = end - rules.give_up_days * DAY
    told = [replace(one, what=SOFT) if one.what == WAITING and one.at <= silence else one for one in standing]
    if len(told) == 1 and told[0].what != WAITING and _is_for_ever(counting(rules, told[0].what)):
        return tuple(told)  # nearly all of a long list
    kept = [one for one in told if one.what == WAITING]
    for reason in {one.what for one in told if one.what != WAITING}:
        kept += _worth_keeping([one for one in told if one.what == reason], counting(rules, reason), end)
    return in_order(kept)


def _is_for_ever(rule: Counting) -> bool:
    return rule.on_days == 1 and rule.for_days is None


def _worth_keeping(evidence: Sequence[Evidence], rule: Counting, end: int) -> list[Evidence]:
    """Return evidence of one reason that suppresses, or can still count towards it, and of each day a few pieces."""
    held = _suppression(evidence, rule)
    is_held = held and (held.until is None or end < held.until)
    oldest = end - (rule.within_days + 1) * DAY
    wanted = [one for one in evidence if one.at > oldest or (held and is_held and _is_near(one, held.evidence, rule))]
    of_day: defaultdict[str, list[Evidence]] = defaultdict(list)
    for one in wanted:
        of_day[one.day].append(one)
    return [one for day in of_day.values() for one in day[-KEPT_OF_DAY:]]


def _is_near(one: Evidence, last: Evidence, rule: Counting) -> bool:
    return (date.fromisoformat(last.day) - date.fromisoformat(one.day)).days < rule.within_days
