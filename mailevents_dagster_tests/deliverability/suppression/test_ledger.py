"""The ledger: what suppresses an address, for how long, and what takes it off again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailevents_dagster.deliverability.suppression.ledger import (
    ALIVE,
    COMPLAINT,
    DAY,
    ENDED,
    HARD,
    MANUAL,
    REMOVED,
    SOFT,
    UNSUBSCRIBED,
    WAITING,
    Evidence,
    Standing,
    ledger_after,
    suppressions,
)
from mailevents_dagster.deliverability.suppression.rows import ledger_of, rows_of
from mailevents_dagster.sources.outcomes.settings.suppression import (
    Counting,
    HardBounces,
    SoftBounces,
    SuppressionRules,
)
from mailevents_dagster_tests.deliverability.suppression.evidences import (
    BEGIN,
    JO,
    RULES,
    reasons_after,
    standing_after,
    told,
)

ANNA = "anna@example.org"


@pytest.mark.parametrize("what", [HARD, COMPLAINT, UNSUBSCRIBED, MANUAL])
def test_one_of_these_is_enough_and_stands_for_ever(what: str) -> None:
    assert reasons_after(told(what, 0.5), days=1) == [what]
    assert reasons_after(told(what, 0.5), days=800) == [what]


def test_a_policy_failure_never_suppresses() -> None:
    assert not standing_after(*(told(ENDED, day + 0.5) for day in range(40)), days=41)


def test_soft_bounces_suppress_on_the_fourth_day_and_not_for_ever() -> None:
    bounces = [told(SOFT, day + 0.5) for day in (0, 3, 9, 20)]
    assert reasons_after(*bounces[:3], days=20) == []
    assert reasons_after(*bounces, days=21) == [SOFT]
    assert reasons_after(*bounces, days=50) == [SOFT]
    assert reasons_after(*bounces, days=50.5) == []


def test_many_soft_bounces_of_one_day_count_as_one() -> None:
    assert reasons_after(*(told(SOFT, 0.01 * number) for number in range(50)), days=1) == []


def test_soft_bounces_that_lie_too_far_apart_do_not_count_together() -> None:
    assert reasons_after(*(told(SOFT, day + 0.5) for day in (0, 10, 20, 30)), days=31) == []
    assert reasons_after(*(told(SOFT, day + 0.5) for day in (0, 10, 20, 29)), days=31) == [SOFT]


@pytest.mark.parametrize(("what", "stays"), [(HARD, False), (SOFT, False), (COMPLAINT, True), (UNSUBSCRIBED, True)])
def test_a_later_delivery_resets_what_the_rules_say(what: str, stays: bool) -> None:
    rules = SuppressionRules(soft=SoftBounces(on_days=1))
    assert reasons_after(told(what, 0.5), told(ALIVE, 3.5), days=4, rules=rules) == ([what] if stays else [])


def test_an_earlier_delivery_resets_nothing() -> None:
    assert reasons_after(told(ALIVE, 0.4), told(HARD, 0.5), days=1) == [HARD]


def test_a_delivery_begins_the_count_of_soft_bounces_anew() -> None:
    bounces = [told(SOFT, day + 0.5) for day in (0, 1, 2, 4)]
    assert reasons_after(*bounces, days=5) == [SOFT]
    assert reasons_after(*bounces, told(ALIVE, 3.5), days=5) == []


def test_of_one_mail_the_last_outcome_counts() -> None:
    assert not standing_after(told(WAITING, 0.1, "m"), told(SOFT, 0.2, "m"), told(ALIVE, 0.3, "m"), days=1)
    assert not standing_after(told(SOFT, 0.2, "m"), told(ENDED, 1.3, "m"), days=2)
    assert reasons_after(told(ALIVE, 0.1, "m"), told(HARD, 0.3, "m"), days=1) == [HARD]


def test_a_bounce_that_log_and_bounce_message_tell_counts_once() -> None:
    days = [0.99, 1.5, 3.5]
    log = [told(SOFT, day, f"m{day}") for day in days]
    messages = [told(SOFT, day + 1, f"m{day}") for day in days]
    assert reasons_after(*log, *messages, days=6) == []


def test_a_mail_of_which_nothing_is_heard_after_a_deferral_counts_as_a_soft_bounce() -> None:
    once = SuppressionRules(soft=SoftBounces(on_days=1))
    assert reasons_after(told(WAITING, 0.5, "m"), days=5, rules=once) == []
    assert reasons_after(told(WAITING, 0.5, "m"), days=6, rules=once) == [SOFT]
    assert reasons_after(told(WAITING, 0.5, "m"), told(ALIVE, 4.5, "m"), days=9, rules=once) == []


def test_a_removal_stands_against_older_evidence_and_not_against_newer() -> None:
    assert reasons_after(told(COMPLAINT, 0.5), told(MANUAL, 0.6), told(REMOVED, 1.5), days=2) == []
    assert reasons_after(told(REMOVED, 1.5), told(HARD, 1.6), days=2) == [HARD]
    assert reasons_after(*(told(SOFT, day) for day in (0, 1, 2)), told(REMOVED, 2.5), told(SOFT, 3), days=4) == []


def test_of_one_moment_a_failure_outlives_a_delivery_and_a_removal_outlives_both() -> None:
    for first, second in ((HARD, ALIVE), (ALIVE, HARD)):
        assert reasons_after(told(first, 0.5, event_id="a"), told(second, 0.5, event_id="b"), days=1) == [HARD]
    assert reasons_after(told(HARD, 0.5, event_id="a"), told(REMOVED, 0.5, event_id="b"), days=1) == []


def test_nobody_elses_evidence_counts() -> None:
    ledger = ledger_after({}, [(JO, told(HARD, 0.5)), (ANNA, told(ALIVE, 0.6))], RULES, BEGIN + DAY)
    assert list(ledger) == [JO]


@pytest.mark.slow
def test_an_address_that_fails_for_years_takes_little_room() -> None:
    bounces = [told(SOFT, hour / 24) for hour in range(24 * 300)]
    assert len(standing_after(*bounces, days=300)) < 200


EVENTS = st.lists(
    st.builds(
        lambda what, at, mail: replace(told(what, at / 24), mail=f"m{mail}" if mail else ""),
        st.sampled_from([HARD, SOFT, COMPLAINT, UNSUBSCRIBED, MANUAL, ALIVE, WAITING, ENDED, REMOVED]),
        st.integers(0, 24 * 12 - 1),
        st.integers(0, 6),
    ),
    max_size=25,
)
BRISK = SuppressionRules(
    soft=SoftBounces(on_days=2, within_days=4, for_days=3),
    hard=HardBounces(for_days=5),
    complaint=Counting(on_days=2, within_days=3),
    give_up_days=2,
)


def ledgers(events: list[Evidence]) -> list[dict[str, Standing]]:
    """The ledgers of twelve days, each made of the one before as it is stored."""
    made: list[dict[str, Standing]] = [{}]
    for day in range(12):
        start, end = BEGIN + day * DAY, BEGIN + (day + 1) * DAY
        stored = ledger_of(rows_of(made[-1], BRISK, start))
        made.append(ledger_after(stored, [(JO, one) for one in events if start <= one.at < end], BRISK, end))
    return made


@pytest.mark.slow
@given(EVENTS, st.randoms(use_true_random=False))
def test_it_does_not_matter_in_which_order_events_are_read(events: list[Evidence], random: object) -> None:
    shuffled = list(events)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert ledgers(events) == ledgers(shuffled)


@pytest.mark.slow
@given(EVENTS)
def test_a_day_made_again_gives_the_same_and_storing_loses_nothing(events: list[Evidence]) -> None:
    made = ledgers(events)
    assert made == ledgers(events)
    for day, ledger in enumerate(made):
        assert ledger_of(rows_of(ledger, BRISK, BEGIN + day * DAY)) == ledger


@pytest.mark.slow
@given(EVENTS)
def test_after_a_removal_only_newer_evidence_counts(events: list[Evidence]) -> None:
    removal = told(REMOVED, 6)
    newer = [one for one in events if one.at > removal.at]
    assert ledgers([*events, removal])[-1] == ledgers(newer)[-1]


@given(EVENTS)
def test_what_suppresses_is_as_old_as_the_rules_allow(events: list[Evidence]) -> None:
    end = BEGIN + 12 * DAY
    for reason, one in suppressions(ledgers(events)[-1].get(JO, ()), BRISK, end).items():
        assert one.evidence.what == reason
        assert one.evidence in [*events, *(replace(event, what=SOFT) for event in events if event.what == WAITING)]
        assert one.until is None or one.until > end
