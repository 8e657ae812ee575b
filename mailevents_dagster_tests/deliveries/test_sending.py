"""How what waits is delivered: order, batches, answers, patience."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from itertools import count, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.deliveries.message import Answer, Failed, Limits, Message, Refused, Taken, Waiting
from mailevents_dagster.deliveries.outbox import FIRST, Outbox
from mailevents_dagster.deliveries.sending import Delivered, Patience, batches, deliver, size_of
from mailevents_dagster_tests.conftest import START
from mailevents_dagster_tests.deliveries.messages import (
    BRIEF,
    ENDLESS,
    LIMITS,
    QUEUE,
    Receiver,
    all_answer,
    message,
    messages,
    sent,
    total,
    waiting_keys,
)

AWAY = Failed("it is away")
LOST = Failed("the answer was lost", may_have_arrived=True)
BARRED = Failed("wrong credentials", is_passing=False)


def test_all_that_waits_goes_out_in_order_ten_at_a_time(outbox: Outbox) -> None:
    outbox.note(QUEUE, reversed([*messages(25)]))
    receiver = Receiver()
    assert sent(outbox, receiver) == Delivered(taken=25)
    assert receiver.taken == [f"event-{number}" for number in range(25)]
    assert [len(batch) for batch in receiver.batches] == [10, 10, 5]
    assert sent(outbox, receiver) == Delivered()
    assert len(receiver.batches) == 3


def test_what_is_noted_meanwhile_goes_out_too(outbox: Outbox) -> None:
    def noting(batch: Sequence[Message]) -> Sequence[Answer]:
        outbox.note(QUEUE, [message(-5), message(50)])
        return [Taken("id")] * len(batch)

    outbox.note(QUEUE, messages(3))
    assert sent(outbox, Receiver(noting)).taken == 5


def test_each_answer_counts_for_its_own_message(outbox: Outbox) -> None:
    outbox.note(QUEUE, messages(4))
    receiver = Receiver(lambda _: [Taken("id"), AWAY, Refused("not this one"), Taken("id")])
    assert sent(outbox, receiver) == Delivered(taken=3, aside=1)
    assert receiver.batches[1:] == [["event-1"]]
    assert [one.reason for one in outbox.aside(QUEUE, 9)] == ["not this one"]


def test_what_fails_alone_keeps_nothing_else_waiting(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    now = count()

    def early_ones_fail(batch: Sequence[Message]) -> Sequence[Answer]:
        return [AWAY if one.time < START + 15 else Taken("id") for one in batch]

    outbox.note(QUEUE, messages(100))
    monkeypatch.setattr(time, "monotonic", lambda: next(now))  # a second passes whenever the clock is looked at
    patience = Patience(seconds=60, first_pause=0, longest_pause=0)
    delivered = sent(
        outbox, Receiver(lambda batch: [Taken("id"), *[AWAY] * 9], *[early_ones_fail] * 10_000), patience=patience
    )
    assert (delivered.taken, len(waiting_keys(outbox)), delivered.problem) == (86, 14, AWAY)


def test_a_receiver_that_comes_back_gets_all_and_in_order(outbox: Outbox) -> None:
    outbox.note(QUEUE, messages(30))
    receiver = Receiver(*[all_answer(AWAY)] * 5)
    assert sent(outbox, receiver, patience=ENDLESS) == Delivered(taken=30)
    assert receiver.taken == [f"event-{number}" for number in range(30)]


def test_a_receiver_that_stays_away_delays_and_loses_nothing(outbox: Outbox) -> None:
    outbox.note(QUEUE, messages(30))
    assert sent(outbox, Receiver(*[all_answer(AWAY)] * 10_000), patience=BRIEF) == Delivered(problem=AWAY)
    assert (total(outbox).waiting, total(outbox).uncertain) == (30, 0)
    assert sent(outbox, Receiver()) == Delivered(taken=30)


def test_patience_begins_anew_with_each_message_that_is_taken(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def slowly(answer: Answer) -> Callable[[Sequence[Message]], Sequence[Answer]]:
        def answered(batch: Sequence[Message]) -> Sequence[Answer]:
            nonlocal now
            now += 40
            return [answer] * len(batch)

        return answered

    monkeypatch.setattr(time, "monotonic", lambda: now)
    outbox.note(QUEUE, messages(50))
    patience = Patience(seconds=60, first_pause=0, longest_pause=0)
    receiver = Receiver(*[slowly(AWAY), slowly(Taken("id"))] * 5)
    assert sent(outbox, receiver, patience=patience) == Delivered(taken=50)
    outbox.note(QUEUE, [message(50)])
    assert sent(outbox, Receiver(*[slowly(AWAY)] * 9), patience=patience).problem == AWAY
    assert waiting_keys(outbox) == ["event-50"]


def test_what_only_people_can_mend_is_not_tried_again(outbox: Outbox) -> None:
    outbox.note(QUEUE, messages(30))
    receiver = Receiver(*[all_answer(BARRED)] * 10)
    assert sent(outbox, receiver, patience=ENDLESS) == Delivered(problem=BARRED)
    assert total(outbox).waiting == 30
    assert len(receiver.batches) == 1


def test_what_may_have_gone_out_is_sent_again_and_named(outbox: Outbox, caplog: pytest.LogCaptureFixture) -> None:
    outbox.note(QUEUE, messages(2))
    delivered = sent(outbox, Receiver(lambda _: [LOST, AWAY]))
    assert delivered == Delivered(taken=2, repeated=("event-0",))
    [record] = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert record.getMessage().endswith(
        "1 message may go out twice, since nobody knows whether an earlier try arrived: event-0"
    )


def test_after_a_kill_what_was_under_way_is_named(outbox: Outbox) -> None:
    outbox.note(QUEUE, messages(12))
    outbox.mark_tried(QUEUE, ["event-1", "event-11"])  # and the process was killed
    assert sent(outbox, Receiver()).repeated == ("event-1", "event-11")


def test_an_error_of_the_program_leaves_the_batch_uncertain(outbox: Outbox) -> None:
    def broken(_: Sequence[Message]) -> Sequence[Answer]:
        raise ZeroDivisionError

    outbox.note(QUEUE, messages(12))
    with pytest.raises(ZeroDivisionError):
        sent(outbox, Receiver(broken))
    assert total(outbox).uncertain == 10
    assert len(sent(outbox, Receiver()).repeated) == 10


def test_a_receiver_that_knows_keys_again_gets_no_repetition_within_its_time(outbox: Outbox) -> None:
    outbox.note(QUEUE, messages(1))
    outbox.mark_tried(QUEUE, ["event-0"])
    assert sent(outbox, Receiver(), Limits(10, 2**20, known_again_seconds=300)).repeated == ()


def test_what_is_too_large_is_set_aside_and_never_tried(outbox: Outbox) -> None:
    outbox.note(QUEUE, [message(0), message(1, body='"' + "ü" * 600 + '"'), message(2)])
    receiver = Receiver()
    assert sent(outbox, receiver, Limits(10, 1000)) == Delivered(taken=2, aside=1)
    assert receiver.batches == [["event-0", "event-2"]]
    assert [one.reason for one in outbox.aside(QUEUE, 9)] == ["its body is longer than 1,000 bytes"]


def test_one_message_that_spoils_its_batch_is_set_aside_alone(outbox: Outbox) -> None:
    def refuses_whole(batch: Sequence[Message]) -> Sequence[Answer]:
        spoilt = any(one.key == "event-4" for one in batch)
        return [Refused("invalid") if spoilt else Taken("id")] * len(batch)

    outbox.note(QUEUE, messages(20))
    receiver = Receiver(*[refuses_whole] * 99)
    assert sent(outbox, receiver) == Delivered(taken=19, aside=1)
    assert [one.key for one in outbox.aside(QUEUE, 9)] == ["event-4"]
    assert receiver.taken == [f"event-{number}" for number in range(20) if number != 4]


@given(st.lists(st.integers(1, 40), max_size=40), st.integers(1, 10), st.integers(40, 100))
def test_batches_keep_the_order_and_the_limits(sizes: list[int], most: int, most_bytes: int) -> None:
    waiting = [Waiting(message(number, body="x" * size), None) for number, size in enumerate(sizes)]
    made = list(batches(waiting, Limits(most, most_bytes)))
    assert [one for batch in made for one in batch] == waiting
    assert all(1 <= len(batch) <= most and sum(map(size_of, batch)) <= most_bytes for batch in made)
    for batch, following in pairwise(made):
        assert len(batch) == most or sum(map(size_of, [*batch, following[0]])) > most_bytes


def test_batches_go_out_side_by_side_where_the_receiver_allows_it(outbox: Outbox) -> None:
    together = threading.Barrier(3, timeout=60)

    def meets_the_others(batch: Sequence[Message]) -> Sequence[Answer]:
        together.wait()
        return [Taken("id")] * len(batch)

    outbox.note(QUEUE, messages(60))
    assert sent(outbox, Receiver(*[meets_the_others] * 6), Limits(10, 2**20, at_once=3)).taken == 60


def test_who_comes_while_another_delivers_leaves_at_once(outbox: Outbox) -> None:
    outbox.note(QUEUE, messages(3))
    outbox.note("another", messages(3))
    with outbox.holding(QUEUE):
        assert sent(outbox, Receiver()) == Delivered(is_elsewhere=True)
        assert deliver(outbox, "another", Receiver(), LIMITS, BRIEF).taken == 3
    assert sent(outbox, Receiver()).taken == 3


def test_a_delivery_that_is_stopped_ends_after_the_batch_under_way(outbox: Outbox) -> None:
    stop = threading.Event()

    def stopping(batch: Sequence[Message]) -> Sequence[Answer]:
        stop.set()
        return [Taken("id")] * len(batch)

    outbox.note(QUEUE, messages(30))
    delivered = deliver(outbox, QUEUE, Receiver(stopping), LIMITS, ENDLESS, stop)
    assert (delivered, total(outbox).waiting) == (Delivered(taken=10), 20)


def test_a_stop_ends_a_pause(outbox: Outbox) -> None:
    stop = threading.Event()

    def away(batch: Sequence[Message]) -> Sequence[Answer]:
        threading.Timer(0.01, stop.set).start()
        return [AWAY] * len(batch)

    outbox.note(QUEUE, messages(3))
    long = Patience(seconds=7200, first_pause=3600, longest_pause=3600)
    assert deliver(outbox, QUEUE, Receiver(away), LIMITS, long, stop).problem == AWAY
    assert len(waiting_keys(outbox)) == 3


def test_pauses_grow_up_to_the_longest() -> None:
    patience = Patience(first_pause=0.5, longest_pause=15)
    assert [patience.pause(failures) for failures in (1, 2, 3, 5, 6, 10**9)] == [0.5, 1, 2, 8, 15, 15]


KINDS = st.lists(st.sampled_from(["taken", "refused", "away", "lost"]), max_size=60)


@pytest.mark.slow
@settings(max_examples=40)
@given(KINDS, st.integers(1, 25), st.integers(1, 3))
def test_whatever_a_receiver_answers_nothing_is_lost_and_each_repetition_is_named(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[str], many: int, at_once: int
) -> None:
    arrived: list[str] = []
    lock = threading.Lock()

    def answer(batch: Sequence[Message]) -> Sequence[Answer]:
        given: list[Answer] = []
        with lock:
            for one in batch:
                kind = kinds.pop() if kinds else "taken"
                if kind in ("taken", "lost"):
                    arrived.append(one.key)
                given.append({"taken": Taken("id"), "refused": Refused("no"), "away": AWAY, "lost": LOST}[kind])
        return given

    outbox = Outbox(tmp_path_factory.mktemp("any") / "outbox.sqlite")
    outbox.note(QUEUE, messages(many))
    swift = Patience(seconds=3600, first_pause=0, longest_pause=0)
    delivered = deliver(outbox, QUEUE, answer, Limits(4, 2**20, at_once), swift)
    aside = {one.key for one in outbox.aside(QUEUE, 99)}
    assert waiting_keys(outbox) == []
    assert {*arrived} | aside == {f"event-{number}" for number in range(many)}
    assert {key for key in arrived if arrived.count(key) > 1} <= {*delivered.repeated}
    assert delivered.taken + delivered.aside == many
    assert outbox.waiting(QUEUE, FIRST, 1) == []
