"""The file of the ledger: damaged, of another version, without room, and used by several processes."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from mailevents_dagster.deliveries.ledger import APPLICATION, OutboxError
from mailevents_dagster.deliveries.message import Message, Taken
from mailevents_dagster.deliveries.outbox import FIRST, Outbox
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster_tests.conftest import START
from mailevents_dagster_tests.deliveries.messages import QUEUE, Receiver, message, messages, sent, total, waiting_keys
from mailevents_dagster_tests.forks import FORKS, side_by_side


@pytest.fixture
def outbox(file_outbox: Outbox) -> Outbox:
    return file_outbox


def rubbish(path: Path) -> None:
    path.write_bytes(b"\0\xff" * 5000)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def zeros_within(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = bytes(len(content) - 4096)
    path.write_bytes(content)


def another_database(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE messages (something)")


@pytest.mark.parametrize("damage", [rubbish, empty, half, zeros_within, another_database])
def test_a_damaged_ledger_is_set_aside_and_said_and_the_next_use_finds_a_new_one(
    path: Path, outbox: Outbox, damage: Callable[[Path], None]
) -> None:
    outbox.note(QUEUE, messages(2000))
    damage(path)
    damaged = path.read_bytes()
    with pytest.raises(DamagedError, match=r"outbox\.sqlite was damaged .* set aside as outbox\.sqlite\.damaged"):
        outbox.note(QUEUE, messages(2000))
    assert path.with_name("outbox.sqlite.damaged").read_bytes() == damaged
    assert outbox.lost_at() is not None
    assert outbox.note(QUEUE, messages(2000)) == 2000


def test_what_a_lost_ledger_may_have_delivered_is_named_when_it_goes_out(path: Path, outbox: Outbox) -> None:
    outbox.note(QUEUE, [message(0)])
    sent(outbox, Receiver())
    empty(path)
    with pytest.raises(DamagedError, match="may go out twice"):
        outbox.counts(QUEUE)
    lost_at = outbox.lost_at()
    assert lost_at is not None
    outbox.note(QUEUE, [message(0), message(1, time=lost_at + 3601)])
    delivered = sent(outbox, Receiver())
    assert (delivered.taken, delivered.repeated) == (2, ("event-0",))


def test_since_when_a_destination_is_served_outlives_its_ledger_where_it_can_be_read(
    path: Path, outbox: Outbox
) -> None:
    first_used = outbox.first_used(QUEUE)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE destinations SET first_used = first_used - 1000")
        connection.execute("PRAGMA application_id = 1")
    with pytest.raises(DamagedError) as raised:
        outbox.counts(QUEUE)
    assert "`since`" not in str(raised.value)
    assert outbox.first_used(QUEUE) == first_used - 1000
    empty(path)
    with pytest.raises(DamagedError, match="set `since` to a date"):
        outbox.counts(QUEUE)


def test_a_journal_of_a_damaged_ledger_is_not_played_back_into_the_new_one(path: Path, outbox: Outbox) -> None:
    outbox.note(QUEUE, messages(5))
    journal = path.with_name("outbox.sqlite-journal")
    empty(path)
    journal.write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + bytes(5000))
    with pytest.raises(DamagedError):
        outbox.counts(QUEUE)
    assert not journal.exists()
    assert path.with_name("outbox.sqlite-journal.damaged").exists()
    assert outbox.note(QUEUE, messages(5)) == 5


def test_a_ledger_of_a_newer_version_is_left_alone(path: Path, outbox: Outbox) -> None:
    outbox.note(QUEUE, messages(1))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(OutboxError, match="newer version"):
        outbox.note(QUEUE, messages(1))
    assert not list(path.parent.glob("*.damaged"))


def test_a_ledger_that_was_being_made_when_the_process_was_killed_is_made(path: Path, outbox: Outbox) -> None:
    path.parent.mkdir()
    path.with_name(".outbox.sqlite.partial").write_bytes(b"SQLite format 3\0 and no more")
    path.with_name(".outbox.sqlite.partial-journal").write_bytes(b"rubbish")
    assert outbox.note(QUEUE, messages(1)) == 1
    assert sorted(one.name for one in path.parent.iterdir()) == ["outbox.sqlite", "outbox.sqlite.lock"]


def test_only_this_user_reads_the_ledger(path: Path, outbox: Outbox) -> None:
    outbox.note(QUEUE, messages(1))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_ledger_that_is_a_folder_says_what_to_do(path: Path, outbox: Outbox) -> None:
    (path / "something").mkdir(parents=True)
    with pytest.raises(OutboxError, match=r"outbox\.sqlite cannot be used: .*\. Give this user the right"):
        outbox.note(QUEUE, messages(1))


def test_a_commit_is_flushed_together_with_its_folder(path: Path, outbox: Outbox) -> None:
    with outbox._ledger._transaction() as ledger:
        assert ledger.execute("PRAGMA synchronous").fetchone() == (3,)
        assert ledger.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert ledger.execute("PRAGMA application_id").fetchone() == (APPLICATION,)


def test_an_error_while_noting_leaves_nothing_noted(outbox: Outbox) -> None:
    outbox.note(QUEUE, messages(1))
    with pytest.raises(AttributeError):
        outbox.note(QUEUE, [message(5), None])  # type: ignore[list-item]
    assert waiting_keys(outbox) == ["event-0"]


def _note(path: Path, first: int) -> None:
    for number in range(first, first + 40):
        Outbox(path).note(QUEUE, [message(number), message(number % 20 + 1000)])


@pytest.mark.slow
def test_several_processes_note_at_once_and_each_message_is_there_once(path: Path) -> None:
    assert side_by_side(_note, (path, 0), (path, 100), (path, 200)) == [0, 0, 0]
    assert len(waiting_keys(Outbox(path))) == total(Outbox(path)).waiting == 3 * 40 + 20


def _note_for_ever(path: Path) -> None:
    outbox, hour = Outbox(path), 0
    while True:
        hour += 1
        outbox.note(QUEUE, [Message(f"{hour}-{number}", "{}", hour, START) for number in range(50)])
        outbox.settle(QUEUE, [(one, Taken("")) for one in outbox.waiting(QUEUE, FIRST, 50)])


@pytest.mark.slow
def test_a_process_killed_at_random_moments_leaves_whole_hours_and_no_damage(path: Path) -> None:
    for seed in range(int(os.environ.get("MAILEVENTS_KILLS", "6"))):
        process = FORKS.Process(target=_note_for_ever, args=(path,))
        process.start()
        process.join(random.Random(seed).uniform(0.02, 0.2))
        process.kill()
        process.join()
        counts = Outbox(path).counts(QUEUE)
        assert all(one.waiting + one.taken == 50 for one in counts.values())
        assert all(0 in (one.waiting, one.taken) for one in counts.values())
        path.unlink(missing_ok=True)
        path.with_name("outbox.sqlite-journal").unlink(missing_ok=True)
