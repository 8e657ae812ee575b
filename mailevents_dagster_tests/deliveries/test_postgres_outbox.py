"""The outbox of several machines: moved out of a file, used by two at once, and with a database that goes away."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest

from mailevents_dagster.deliveries.message import Answer, Failed, Message, Refused, Taken
from mailevents_dagster.deliveries.opening import outbox_of
from mailevents_dagster.deliveries.outbox import FIRST, Outbox
from mailevents_dagster.deliveries.sending import Delivered
from mailevents_dagster.sharing.database import Database
from mailevents_dagster.sharing.postgres_locks import key_of
from mailevents_dagster_tests.conftest import make_store
from mailevents_dagster_tests.deliveries.messages import (
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
from mailevents_dagster_tests.postgres_server import PostgresServer

pytestmark = [pytest.mark.programs, pytest.mark.slow]

PATIENCE = 60.0


@pytest.fixture
def outbox(database: str) -> Outbox:
    return Outbox(Database(database))


def test_a_file_of_before_moves_into_the_database_once(tmp_path: Path, database: str) -> None:
    store = make_store(tmp_path)
    file = Outbox(store.layout.outbox)
    file.note(QUEUE, messages(5))
    first_used = file.first_used(QUEUE)
    answers: Sequence[Answer] = [Taken("id"), Refused("too large"), Failed("away", may_have_arrived=True)]
    waiting = file.waiting(QUEUE, FIRST, 3)
    file.mark_tried(QUEUE, [one.message.key for one in waiting])
    file.settle(QUEUE, list(zip(waiting, answers, strict=True)))
    expected = total(file), file.aside(QUEUE, 9), file.waiting(QUEUE, FIRST, 9), first_used

    store.postgres = database
    for _ in range(2):
        moved = outbox_of(store)
        waiting = moved.waiting(QUEUE, FIRST, 9)
        assert (total(moved), moved.aside(QUEUE, 9), waiting, moved.first_used(QUEUE)) == expected
    assert not store.layout.outbox.exists()
    assert store.layout.outbox.with_name("outbox.sqlite.taken-over").exists()


def test_what_another_machine_knows_as_taken_stays_taken_and_what_this_one_knows_becomes_so(
    tmp_path: Path, outbox: Outbox, database: str
) -> None:
    store = make_store(tmp_path)
    file = Outbox(store.layout.outbox)
    for one in (file, outbox):
        one.note(QUEUE, messages(3))
    file.settle(QUEUE, [(one, Taken("here")) for one in file.waiting(QUEUE, FIRST, 1)])
    outbox.settle(QUEUE, [(one, Taken("there")) for one in outbox.waiting(QUEUE, FIRST, 9)[1:2]])
    store.postgres = database
    assert waiting_keys(outbox_of(store)) == ["event-2"]


SENDS = """
import sys
from mailevents_dagster.deliveries.outbox import Outbox
from mailevents_dagster.sharing.database import Database
from mailevents_dagster_tests.deliveries.messages import QUEUE, LIMITS, BRIEF
from mailevents_dagster.deliveries.message import Taken
from mailevents_dagster.deliveries.sending import deliver
def send(batch):
    for one in batch: print(one.key, flush=True)
    if sys.argv[2] == "hold": sys.stdin.read()
    return [Taken("id") for _ in batch]
outbox = Outbox(Database(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
while deliver(outbox, QUEUE, send, LIMITS, BRIEF).is_elsewhere:
    pass
"""


def sender(url: str, how: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SENDS, url, how]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def test_two_machines_send_each_message_once(outbox: Outbox, database: str) -> None:
    outbox.note(QUEUE, messages(200))
    senders = [sender(database) for _ in range(2)]
    for one in senders:
        assert one.stdin
        one.stdin.write("go\n")
        one.stdin.flush()
    keys = Counter(key for one in senders for key in one.communicate(timeout=PATIENCE)[0].split())
    assert keys == Counter({one.key: 1 for one in messages(200)})
    assert total(outbox).taken == 200


def test_a_killed_sender_leaves_no_lock_and_what_it_had_under_way_is_named(outbox: Outbox, database: str) -> None:
    outbox.note(QUEUE, messages(30))
    killed = sender(database, "hold")
    assert killed.stdin
    assert killed.stdout
    killed.stdin.write("go\n")
    killed.stdin.flush()
    under_way = {killed.stdout.readline().strip() for _ in range(LIMITS.messages)}
    assert sent(outbox, Receiver()) == Delivered(is_elsewhere=True)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    until = time.monotonic() + PATIENCE
    while (delivered := sent(outbox, Receiver())).is_elsewhere:
        assert time.monotonic() < until
    assert (delivered.taken, {*delivered.repeated}) == (30, under_way)


def test_a_database_started_anew_in_the_middle_sends_nothing_twice(outbox: Outbox, postgres: PostgresServer) -> None:
    outbox.note(QUEUE, messages(60))

    def restarting(batch: Sequence[Message]) -> Sequence[Answer]:
        postgres.restart("immediate")
        return all_answer(Taken("id"))(batch)

    receiver = Receiver(all_answer(Taken("id")), restarting, all_answer(Taken("id")), restarting)
    assert sent(outbox, receiver) == Delivered(taken=60)
    assert Counter(receiver.taken) == Counter({one.key: 1 for one in messages(60)})


def test_a_database_that_is_away_is_waited_for(outbox: Outbox, postgres: PostgresServer) -> None:
    postgres.stop()
    starting = threading.Timer(1.0, postgres.start)
    starting.start()
    assert outbox.note(QUEUE, messages(3)) == 3
    starting.join()


def test_who_lost_the_lock_to_another_sends_nothing_more(
    outbox: Outbox, database: str, postgres: PostgresServer
) -> None:
    outbox.note(QUEUE, messages(30))
    lock = key_of("outbox", hashlib.sha256(QUEUE.encode()).hexdigest()[:16])
    with psycopg.connect(database, autocommit=True) as other:

        def losing(batch: Sequence[Message]) -> Sequence[Answer]:
            # The session of the one that sends ends, and another is faster to take what it held.
            postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%locks'")
            other.execute("SELECT pg_advisory_lock(%s)", [lock])
            return all_answer(Taken("id"))(batch)

        receiver = Receiver(losing)
        assert sent(outbox, receiver) == Delivered(is_elsewhere=True)
    assert receiver.taken == [f"event-{number}" for number in range(10)]
    assert total(outbox).taken == 10


def test_any_number_of_messages_is_settled_in_few_round_trips(outbox: Outbox) -> None:
    outbox.note(QUEUE, (message(number) for number in range(10_000)))
    waiting = outbox.waiting(QUEUE, FIRST, 10_000)
    outbox.mark_tried(QUEUE, [one.message.key for one in waiting])
    outbox.settle(QUEUE, [(one, Taken("id")) for one in waiting])
    assert total(outbox).taken == 10_000
