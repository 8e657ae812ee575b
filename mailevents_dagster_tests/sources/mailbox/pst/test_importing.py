"""Mails of a file taken into a store: each once, beside what is there, resumed after a kill."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mailevents_dagster.files.json_text import parse
from mailevents_dagster.model.event import Collection, Origin
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.mailbox.feeds import FEED_KINDS, messages_of
from mailevents_dagster.sources.mailbox.pst import importing
from mailevents_dagster.sources.mailbox.pst.importing import Imported, Target, import_mails
from mailevents_dagster.sources.mailbox.pst.library import PstError
from mailevents_dagster.sources.mailbox.pst.properties import Tag
from mailevents_dagster.sources.mailbox.pst.survey import surveyed
from mailevents_dagster.sources.mailbox.rows import message_event, row_of
from mailevents_dagster.sources.messages.message import Message
from mailevents_dagster.sources.messages.reading import read_message
from mailevents_dagster.store.hour.snapshot_file import read_events
from mailevents_dagster.store.inventory import Inventory
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.sources.mailbox.pst.items import FakeFile, FakeItem, mail

FEED = messages_of("fund@example.com")
ZONE = "Europe/Istanbul"
FIRST = Hour.from_key("2011-03-13-09:00", ZONE)
NOW = 1_780_000_000.0


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path), ZONE, "{domain}_{type}_%Y-%m-%d_%H.log", FEED_KINDS)


def mails(count: int, hours: int = 3) -> list[FakeItem]:
    return [
        mail(number, float(FIRST.start + number % hours * 3600 + number), message_id=f"<{number}@x>", body=f"{number}")
        for number in range(count)
    ]


def run(store: Store, file: Any, *, open_from: int = 0, report: Callable[[int], object] = lambda _: None) -> Imported:
    survey = surveyed(file, NOW, lambda _: None)
    return import_mails(file, survey, Target(store, FEED, open_from, bodies=True), report)


def rows(store: Store, hours: int = 3) -> list[dict[str, Any]]:
    found = []
    for number in range(hours):
        hour = Hour(FIRST.start + number * 3600, ZONE)
        if store.manifest(FEED, hour):
            found += [parse(event.raw) for event in read_events(store.layout.snapshot(FEED, hour))]
    return found


def from_mailbox(store: Store, *messages: tuple[str, str | None, int]) -> None:
    """Commit mails as the mailbox itself has them: id, Message-ID, seconds after the first hour began."""
    with store.open_hour(FEED, FIRST) as work:
        events = []
        for id_, message_id, after in messages:
            time = FIRST.start + after
            said = Message(message_id=message_id)
            row = row_of(said, id=id_, folder="Inbox", received=time, blob="0" * 64, size=1, listing=bytes(16))
            events.append(message_event(row))
        work.commit(Collection(events, frozenset(), (), NOW, closed=True, measures={}))


def test_each_mail_becomes_an_event_of_its_hour_with_its_blob(store: Store) -> None:
    done = run(store, FakeFile(mails(9)))
    assert (done.added, done.there, done.hours, done.unreadable) == (9, 0, 3, [])
    found = rows(store)
    assert sorted(row["message_id"] for row in found) == [f"{number}@x" for number in range(9)]
    assert {row["source"] for row in found} == {"pst"}
    for row in found:
        with store.blobs.open(row["blob"]) as blob:
            raw = blob.read()
        assert len(raw) == row["size"]
        assert read_message([raw]).message_id == row["message_id"]
    manifest = store.manifest(FEED, FIRST)
    assert manifest.origin is Origin.PST
    assert not manifest.complete


def test_hours_before_the_first_are_closed_and_others_stay_open_for_the_mailbox(store: Store) -> None:
    run(store, FakeFile(mails(3)), open_from=FIRST.end)
    assert [store.manifest(FEED, hour).closed for hour in (FIRST, FIRST.next, FIRST.next.next)] == [True, False, False]


def test_the_same_file_again_changes_nothing(store: Store) -> None:
    run(store, FakeFile(mails(9)))
    before = store.layout.snapshot(FEED, FIRST).read_bytes()
    done = run(store, FakeFile(mails(9)))
    assert (done.added, done.there, done.hours) == (0, 9, 0)
    assert store.layout.snapshot(FEED, FIRST).read_bytes() == before


def test_what_the_file_has_got_since_is_added(store: Store) -> None:
    run(store, FakeFile(mails(4)))
    done = run(store, FakeFile(mails(6)))
    assert (done.added, done.there) == (2, 4)
    assert len(rows(store)) == 6


def test_a_mail_that_another_file_had_is_not_a_second_one(store: Store) -> None:
    run(store, FakeFile(mails(6)))
    done = run(store, FakeFile(mails(9), key=b"another"))
    assert (done.added, done.there) == (3, 6)
    assert len(rows(store)) == 9


def test_mails_without_a_message_id_are_known_again_by_what_they_say(store: Store) -> None:
    nameless = [mail(1, float(FIRST.start), body="a"), mail(2, float(FIRST.start), body="b")]
    run(store, FakeFile(nameless))
    done = run(store, FakeFile(nameless, key=b"another"))
    assert (done.added, done.there) == (0, 2)


def test_the_mail_that_the_mailbox_had_stays(store: Store) -> None:
    from_mailbox(store, ("graph-0", "0@x", 0), ("graph-9", "9@x", 5))
    done = run(store, FakeFile(mails(2, hours=1)))
    assert (done.added, done.there) == (1, 1)
    assert {row["id"].partition("-")[0] for row in rows(store)} == {"graph", "pst"}
    assert {row["message_id"] for row in rows(store)} == {"0@x", "1@x", "9@x"}
    assert len(rows(store)) == 3
    manifest = store.manifest(FEED, FIRST)
    assert (manifest.origin, manifest.closed, manifest.listed_at) == (Origin.SOURCE, True, NOW)


def test_two_mails_of_one_message_id_stay_two(store: Store) -> None:
    from_mailbox(store, ("graph-0", "0@x", 0))
    twins = [mail(number, float(FIRST.start), message_id="<0@x>") for number in range(2)]
    for _ in range(2):
        done = run(store, FakeFile(twins))
        assert done.added + done.there == 2
        assert sorted(row["id"].partition("-")[0] for row in rows(store)) == ["graph", "pst"]


def test_a_mail_that_the_mailbox_shows_later_takes_the_place_of_the_imported_one(store: Store) -> None:
    run(store, FakeFile(mails(2, hours=1)))
    from_mailbox(store, ("graph-0", "0@x", 0))
    found = {row["message_id"]: row["id"].partition("-")[0] for row in rows(store)}
    assert found == {"0@x": "graph", "1@x": "pst"}
    assert len(rows(store)) == 2
    done = run(store, FakeFile(mails(2, hours=1)))
    assert (done.added, done.there, len(rows(store))) == (0, 2, 2)


def test_a_mailbox_that_lost_a_mail_does_not_lose_it_here_for_another_of_its_message_id(store: Store) -> None:
    from_mailbox(store, ("graph-0", "0@x", 0))
    from_mailbox(store, ("graph-1", "0@x", 0))
    assert [row["id"] for row in rows(store)] == ["graph-0", "graph-1"]


def test_what_cannot_be_read_is_named_each_time_and_hides_nothing(store: Store) -> None:
    items = mails(3, hours=1)
    items[0].people = PstError("torn")
    items[1].values = {**items[1].values, Tag.MESSAGE_FLAGS: PstError("bad")}
    items[1].identifier = 0x200024
    for added in (2, 0):
        done = run(store, FakeFile(items))
        assert done.added == added
        assert sorted(done.unreadable) == [
            "Inbox, item 0x200004: its recipients cannot be read whole: torn",
            "Inbox, item 0x200024: bad",
        ]
    assert len(rows(store)) == 2


@pytest.mark.slow
def test_an_old_hour_is_seen_by_those_who_look_through_the_store(store: Store) -> None:
    run(store, FakeFile(mails(3)))
    inventory = Inventory(store.layout, ZONE, NOW)
    assert len(inventory.files(FEED, NOW)) == 3
    assert inventory.manifests(FEED) == inventory.snapshots(FEED)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_a_killed_import_goes_on_where_it_ended(store: Store, seed: int) -> None:
    child = os.fork()
    if not child:
        try:
            _killed_after(seed * 7 + 3)
            run(store, FakeFile(mails(24)))
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the import was over before it could be killed"
    done = run(store, FakeFile(mails(24)))
    assert done.added + done.there == 24
    assert sorted(row["message_id"] for row in rows(store)) == sorted(f"{number}@x" for number in range(24))
    assert not store.blobs.missing(row["blob"] for row in rows(store))


def _killed_after(renames: int) -> None:
    """Let this process die at one of its steps to the disk."""
    left = [renames]
    real = os.fsync

    def fsync(handle: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        real(handle)

    os.fsync = fsync


def test_a_file_that_fails_in_the_middle_ends_the_import_and_not_the_store(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importing.additions

    def failing(work: Any, *args: Any, **more: Any) -> Any:
        if work.hour == FIRST.next:
            raise OSError(28, "No space left on device")
        return real(work, *args, **more)

    monkeypatch.setattr(importing, "additions", failing)
    with pytest.raises(OSError, match="No space"):
        run(store, FakeFile(mails(9)))
    monkeypatch.undo()
    done = run(store, FakeFile(mails(9)))
    assert done.added + done.there == 9
    assert len(rows(store)) == 9


def test_bodies_are_left_out_where_the_settings_say_so(store: Store) -> None:
    one = FakeFile(mails(1))
    import_mails(one, surveyed(one, NOW, lambda _: None), Target(store, FEED, 0, bodies=False), lambda _: None)
    assert "text" not in rows(store)[0]
