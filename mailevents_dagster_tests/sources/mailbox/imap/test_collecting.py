"""Hours of a mailbox that is read by IMAP, from the server to the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailevents_dagster.model.event import Collection, Detail
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.client import Options
from mailevents_dagster.sources.mailbox.collect import MailboxClient
from mailevents_dagster.sources.mailbox.compare import compare_mailbox
from mailevents_dagster.sources.mailbox.imap.reader import ImapReader
from mailevents_dagster.store.hour.snapshot_file import columns_of, read_events
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import NOON, START
from mailevents_dagster_tests.sources.mailbox.graph_mailbox import FEED, store_in
from mailevents_dagster_tests.sources.mailbox.imap.dovecot import Dovecot, message, running

pytestmark = pytest.mark.programs


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return store_in(tmp_path / "data")


@pytest.fixture
def client(reader: ImapReader, store: Store) -> Iterator[MailboxClient]:
    client = MailboxClient(reader, store.blobs)
    yield client
    client.close()


def collect(store: Store, client: MailboxClient, hour: Hour = NOON) -> Collection:
    with store.open_hour(FEED, hour) as work:
        found = client.collect(work, Options())
        work.commit(found)
        return found


def raw_messages(store: Store, hour: Hour = NOON) -> list[bytes]:
    names = columns_of(store.layout.snapshot(FEED, hour), ["blob"]).column("blob").to_pylist()
    return [store.blobs.open(name).read() for name in names]


def test_mails_become_events_with_their_messages(dovecot: Dovecot, store: Store, client: MailboxClient) -> None:
    dovecot.put(message(1), START + 5)
    dovecot.put(message(2), START + 9, "Gönderilmiş/2026", flags="S")
    dovecot.put(message(3), START + 3600)
    found = collect(store, client)
    assert raw_messages(store) == [message(1), message(2)]
    table = store.dataset(FEED, [NOON]).to_table(columns=["subject", "folder", "size"]).to_pylist()
    assert table == [
        {"subject": "Number 1", "folder": "INBOX", "size": len(message(1))},
        {"subject": "Number 2", "folder": "Gönderilmiş/2026", "size": len(message(2))},
    ]
    assert found.measures["detail_calls"] == 2
    assert dovecot.flags() == {"", "S"}


def test_what_is_known_is_fetched_once_wherever_it_is_moved(
    dovecot: Dovecot, store: Store, client: MailboxClient
) -> None:
    for number in range(10):
        dovecot.put(message(number), START + number, "Other")
    collect(store, client)
    dovecot.move("Number 3", "Other", "Archive")
    dovecot.renumber("Other")
    dovecot.put(message(99), START + 99)
    again = collect(store, client)
    assert again.measures["detail_calls"] == 1
    assert len(raw_messages(store)) == 11


def test_a_deleted_folder_takes_no_stored_mail_along(dovecot: Dovecot, store: Store, client: MailboxClient) -> None:
    dovecot.put(message(1), START)
    dovecot.put(message(2), START, "Going")
    collect(store, client)
    with dovecot.session() as somebody:
        somebody.delete_folder("Going")
    collect(store, client)
    assert sorted(raw_messages(store)) == [message(1), message(2)]


def test_a_mail_that_goes_while_it_is_collected_hides_no_other(
    dovecot: Dovecot, store: Store, client: MailboxClient, reader: ImapReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        dovecot.put(message(number), START + number)
    real = reader.rows

    def rows(first: int, end: int) -> Iterator[object]:
        found = list(real(first, end))
        if len(found) == 3:
            dovecot.delete("Number 1")
        yield from found

    monkeypatch.setattr(reader, "rows", rows)
    found = collect(store, client)
    states = [event.detail for event in read_events(store.layout.snapshot(FEED, NOON))]
    assert states == [Detail.WHOLE, Detail.PURGED, Detail.WHOLE]
    assert "deleted" in found.notes[0]


def test_the_mailbox_compared_with_the_store(
    dovecot: Dovecot, store: Store, client: MailboxClient, reader: ImapReader
) -> None:
    for number in range(3):
        dovecot.put(message(number), START + number)
    collect(store, client)
    dovecot.put(message(7), START + 7, "Archive")
    dovecot.move("Number 1", "INBOX", "Archive")
    dovecot.delete("Number 2")
    ((findings, _),) = compare_mailbox(reader, store, FEED, [NOON])
    assert {one.kind for one in findings} == {"not stored", "deleted", "moved"}
    assert all(one.what.startswith("1 ") for one in findings)


class TestViews:
    """A folder that shows all mails, as some servers have it, makes no second mail of any."""

    @pytest.fixture
    def dovecot(self, short_path: Path) -> Iterator[Dovecot]:
        with running(Dovecot(short_path / "dovecot", has_view=True)) as one:
            yield one

    def test_mails_are_there_once(
        self, dovecot: Dovecot, store: Store, client: MailboxClient, reader: ImapReader
    ) -> None:
        for number, folder in enumerate(["INBOX", "A", "B"]):
            dovecot.put(message(number), START + number, folder)
        dovecot.put(message(0), START, "A")
        folders = {folder.folder: [mail.id for mail in folder.mails] for folder in reader.ids()}
        assert folders["View/All"] == []
        assert sum(map(len, folders.values())) == 4
        collect(store, client)
        assert sorted(raw_messages(store)) == sorted([message(0), *map(message, range(3))])
        table = store.dataset(FEED, [NOON]).to_table(columns=["folder"]).to_pylist()
        assert sorted(row["folder"] for row in table) == ["A", "A", "B", "INBOX"]


def test_ten_thousand_mails_are_each_fetched_once_over_four_connections(
    dovecot: Dovecot, store: Store, client: MailboxClient, reader: ImapReader
) -> None:
    for number in range(10_000):
        dovecot.put(message(number), START + number % 3600, ("INBOX", "Work/2026", "Archive")[number % 3])
    found = collect(store, client)
    assert found.measures["detail_calls"] == 10_000
    assert sorted(raw_messages(store)) == sorted(map(message, range(10_000)))
    assert dovecot.log.count("Login: ") <= 4
    assert sum(len(list(folder.mails)) for folder in reader.ids()) == 10_000
    again = collect(store, client)
    assert again.measures["detail_calls"] == 0
