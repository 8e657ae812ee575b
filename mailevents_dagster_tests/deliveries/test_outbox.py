"""What the ledger knows of messages."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailevents_dagster.deliveries.message import Aside, Counts, Failed, Message, Refused, Taken
from mailevents_dagster.deliveries.outbox import FIRST, Outbox
from mailevents_dagster_tests.conftest import START
from mailevents_dagster_tests.deliveries.messages import QUEUE, message, messages, total, waiting_keys

HOUR = START // 3600 * 3600


def test_a_message_is_noted_once_however_often_its_hour_is_collected(outbox: Outbox) -> None:
    assert outbox.note(QUEUE, messages(3)) == 3
    assert outbox.note(QUEUE, [*messages(4), message(3)]) == 1
    assert total(outbox).waiting == 4


def test_a_message_that_was_taken_does_not_wait_again(outbox: Outbox) -> None:
    outbox.note(QUEUE, messages(1))
    outbox.settle(QUEUE, [(one, Taken("id")) for one in outbox.waiting(QUEUE, FIRST, 9)])
    assert outbox.note(QUEUE, messages(1)) == 0
    assert waiting_keys(outbox) == []


def test_what_is_known_stays_as_it_was_noted_first(outbox: Outbox) -> None:
    outbox.note(QUEUE, [message(1, body='"first"')])
    outbox.note(QUEUE, [message(1, body='"second"')])
    assert [one.message.body for one in outbox.waiting(QUEUE, FIRST, 9)] == ['"first"']


def test_destinations_have_nothing_in_common(outbox: Outbox) -> None:
    outbox.note(QUEUE, messages(2))
    assert outbox.note("another", messages(3)) == 3
    outbox.settle(QUEUE, [(one, Taken("id")) for one in outbox.waiting(QUEUE, FIRST, 9)])
    assert (total(outbox).taken, total(outbox, "another").taken) == (2, 0)
    outbox.forget(QUEUE, HOUR + 3600)
    assert (outbox.counts(QUEUE), total(outbox, "another").waiting) == ({}, 3)


def test_asking_for_a_destination_does_not_make_it(outbox: Outbox) -> None:
    assert (outbox.counts("unknown"), outbox.aside("unknown", 9), outbox.waiting("unknown", FIRST, 9)) == ({}, [], [])
    outbox.note(QUEUE, messages(1))
    assert outbox.first_used(QUEUE) == outbox.first_used(QUEUE) <= time.time()


def test_messages_wait_in_the_order_of_their_time_and_then_of_their_key(outbox: Outbox) -> None:
    outbox.note(QUEUE, [message(9), message(5, time=START), message(3, time=START), message(7)])
    assert waiting_keys(outbox) == ["event-3", "event-5", "event-7", "event-9"]
    assert [one.message.key for one in outbox.waiting(QUEUE, (START, "event-3"), 2)] == ["event-5", "event-7"]


def test_counts_are_those_of_each_hour_and_add_up(outbox: Outbox) -> None:
    outbox.note(QUEUE, [*messages(4), message(5000)])
    first, second, third, *_ = outbox.waiting(QUEUE, FIRST, 9)
    outbox.mark_tried(QUEUE, [first.message.key, second.message.key, third.message.key])
    outbox.settle(QUEUE, [(first, Taken("id")), (second, Refused("no")), (third, Failed("", may_have_arrived=True))])
    counts = outbox.counts(QUEUE)
    assert list(counts) == [HOUR, HOUR + 3600]
    oldest = counts[HOUR].oldest_waiting
    assert counts[HOUR] == Counts(waiting=2, uncertain=1, oldest_waiting=oldest, taken=1, aside=1)
    assert oldest is not None
    assert time.time() - 60 < oldest <= time.time()
    assert total(outbox) == Counts(waiting=3, uncertain=1, oldest_waiting=oldest, taken=1, aside=1)


def test_a_failure_that_is_known_takes_the_mark_of_its_try_away_and_no_earlier_one(outbox: Outbox) -> None:
    outbox.note(QUEUE, messages(1))
    for may_have_arrived, uncertain in [(False, 0), (True, 1), (False, 1)]:
        [waiting] = outbox.waiting(QUEUE, FIRST, 9)
        outbox.mark_tried(QUEUE, [waiting.message.key])
        assert total(outbox).uncertain == 1
        outbox.settle(QUEUE, [(waiting, Failed("", may_have_arrived=may_have_arrived))])
        assert total(outbox).uncertain == uncertain


def test_of_several_tries_without_an_answer_the_first_is_kept(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox.note(QUEUE, messages(1))
    for now in (START, START + 1000):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        outbox.mark_tried(QUEUE, ["event-0"])
    assert [one.tried_at for one in outbox.waiting(QUEUE, FIRST, 9)] == [START]


def test_what_was_set_aside_is_shown_with_its_reason_and_can_be_tried_again(outbox: Outbox) -> None:
    outbox.note(QUEUE, messages(2))
    outbox.settle(QUEUE, [(one, Refused("too large")) for one in outbox.waiting(QUEUE, FIRST, 1)])
    assert outbox.aside(QUEUE, 9) == [Aside("event-0", HOUR, START, "too large")]
    assert outbox.try_aside_again(QUEUE) == 1
    assert (outbox.aside(QUEUE, 9), waiting_keys(outbox)) == ([], ["event-0", "event-1"])


def test_taken_messages_shrink_to_their_keys_and_stay_known(outbox: Outbox) -> None:
    outbox.note(QUEUE, [message(number, body=f'"fund@example.com {number}"') for number in range(3)])
    outbox.settle(QUEUE, [(one, Taken("id")) for one in outbox.waiting(QUEUE, FIRST, 2)])
    assert outbox.shrink(int(time.time()) - 60) == 0
    assert outbox.shrink(int(time.time()) + 60) == 2
    assert outbox.shrink(int(time.time()) + 60) == 0
    assert outbox.note(QUEUE, messages(3)) == 0
    assert [one.message.body for one in outbox.waiting(QUEUE, FIRST, 9)] == ['"fund@example.com 2"']


def test_nothing_of_what_shrank_is_left_on_the_disk(file_outbox: Outbox, path: Path) -> None:
    file_outbox.note(QUEUE, [message(number, body=f'"to {number}@example.com"') for number in range(3)])
    file_outbox.settle(QUEUE, [(one, Taken("id")) for one in file_outbox.waiting(QUEUE, FIRST, 2)])
    file_outbox.shrink(2**40)
    assert path.read_bytes().count(b"@example.com") == 1


@pytest.mark.slow
def test_the_file_grows_by_little_more_than_the_keys(file_outbox: Outbox, path: Path) -> None:
    for hour in range(20):
        file_outbox.note(QUEUE, [Message(_name(hour, number), '"' + "x" * 300, hour, number) for number in range(500)])
        file_outbox.settle(QUEUE, [(one, Taken("i" * 36)) for one in file_outbox.waiting(QUEUE, FIRST, 500)])
        file_outbox.shrink(2**40)
    assert path.stat().st_size / 10_000 < 200


def _name(hour: int, number: int) -> str:
    return hashlib.sha256(f"{hour} {number}".encode()).hexdigest()[:32]


@pytest.mark.parametrize(
    "odd", ["\ud800", "\0", "\x1b[2J", "'; DROP TABLE messages; --", "ü@例え.jp", "x" * 3_000_000, ""]
)
def test_any_text_is_kept_as_json_would_have_it(outbox: Outbox, odd: str) -> None:
    outbox.note(QUEUE, [Message(f"key {odd[:9]}", f'"{odd}"', HOUR, START)])
    [waiting] = outbox.waiting(QUEUE, FIRST, 9)
    assert waiting.message.body == f'"{odd}"'.replace("\ud800", "\\ud800").replace("\0", "\\u0000")
    outbox.mark_tried(QUEUE, [waiting.message.key])
    outbox.settle(QUEUE, [(waiting, Taken("id"))])
    assert outbox.note(QUEUE, [Message(f"key {odd[:9]}", "", HOUR, START)]) == 0
    assert total(outbox).taken == 1


def test_hours_that_will_not_come_again_are_forgotten(outbox: Outbox) -> None:
    outbox.note(QUEUE, [message(0), message(5000)])
    assert outbox.forget(QUEUE, HOUR + 3600) == 1
    assert list(outbox.counts(QUEUE)) == [HOUR + 3600]


STEPS = st.lists(
    st.tuples(st.sampled_from(["note", "try", "taken", "refused", "failed", "lost", "again"]), st.integers(0, 5)),
    max_size=30,
)


@pytest.mark.slow
@given(STEPS)
def test_whatever_happens_the_counts_are_those_of_a_plain_dictionary(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    outbox = Outbox(tmp_path_factory.mktemp("any") / "outbox.sqlite")
    states: dict[str, str] = {}
    answers = {
        "taken": Taken("id"),
        "refused": Refused("no"),
        "failed": Failed(""),
        "lost": Failed("", may_have_arrived=True),
    }
    for step, number in steps:
        key = message(number).key
        waiting = {one.message.key: one for one in outbox.waiting(QUEUE, FIRST, 99)}
        if step == "note":
            assert outbox.note(QUEUE, [message(number)]) == (key not in states)
            states.setdefault(key, "waiting")
        elif step == "again":
            outbox.try_aside_again(QUEUE)
            states = {one: "waiting" if state == "aside" else state for one, state in states.items()}
        elif key in waiting and step != "try":
            outbox.mark_tried(QUEUE, [key])
            outbox.settle(QUEUE, [(waiting[key], answers[step])])
            before = states[key]
            states[key] = {"taken": "taken", "refused": "aside", "failed": before, "lost": "uncertain"}[step]
        elif key in waiting:
            outbox.mark_tried(QUEUE, [key])
            states[key] = "uncertain"
    counts, known = total(outbox), list(states.values())
    assert counts.waiting == known.count("waiting") + known.count("uncertain")
    assert counts.uncertain == known.count("uncertain")
    assert (counts.taken, counts.aside) == (known.count("taken"), known.count("aside"))


def test_the_counts_of_one_hour_are_those_among_all(outbox: Outbox) -> None:
    outbox.note(QUEUE, [message(0), message(1), message(3600)])
    every = outbox.counts(QUEUE)
    assert len(every) == 2
    for hour, counts in every.items():
        assert outbox.counts(QUEUE, hour) == {hour: counts}
    assert outbox.counts(QUEUE, 0) == {}
