"""What is read from a real IMAP server: every mail of a window once, byte for byte, and nothing is changed."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterable

import pytest

from mailevents_dagster.sources.mailbox.imap.connection import PIECE
from mailevents_dagster.sources.mailbox.imap.mails import Mail
from mailevents_dagster.sources.mailbox.imap.reader import ImapReader
from mailevents_dagster.sources.mailbox.reader import Listed, NotHadError
from mailevents_dagster_tests.conftest import START
from mailevents_dagster_tests.sources.mailbox.imap.dovecot import Dovecot, message

pytestmark = pytest.mark.programs

END = START + 3600


def rows(reader: ImapReader, first: int = START, end: int = END) -> dict[str, Listed]:
    """The mails of a window, each once, by their subjects and numbers of a copy."""
    found = list(reader.rows(first, end))
    assert len({row.id for row in found}) == len(found)
    return {row.id: row for row in found}


def subjects(found: Iterable[Listed]) -> list[str]:
    return sorted(str(row.shown["subject"]) for row in found)


def content(reader: ImapReader, listed: Listed) -> bytes:
    blob = io.BytesIO()
    reader.fetch(listed, blob)
    return blob.getvalue()


def test_every_folder_is_read_and_an_hour_holds_what_came_in_it(dovecot: Dovecot, reader: ImapReader) -> None:
    expected = {}
    names = ["INBOX", "Sent", "Gönderilmiş/2026", "日本語", 'R&D "x" 100%', "2026", "007", "a b"]
    for number, folder in enumerate(names):
        expected[folder] = message(number)
        dovecot.put(expected[folder], START + number, folder)
    dovecot.put(message(90), START - 1)
    dovecot.put(message(91), END)
    dovecot.put(message(92), END - 1, "Sent")
    found = rows(reader).values()
    assert {row.folder: content(reader, row) for row in found if row.time < END - 1} == expected
    assert subjects(found) == sorted([*(f"Number {number}" for number in range(len(names))), "Number 92"])
    assert subjects(rows(reader, END, END + 3600).values()) == ["Number 91"]


@pytest.mark.parametrize("hours", [-14, -1, 1, 11, 12, 23, 24])
def test_days_of_whatever_time_zone_hold_their_hours(hours: int, dovecot: Dovecot, reader: ImapReader) -> None:
    first = START + hours * 3600
    for number, at in enumerate((first - 1, first, first + 3599, first + 3600)):
        dovecot.put(message(number), at)
    assert subjects(rows(reader, first, first + 3600).values()) == ["Number 1", "Number 2"]


def test_what_a_mail_shows_is_what_its_header_says(dovecot: Dovecot, reader: ImapReader) -> None:
    raw = b"From: =?utf-8?q?=C3=87a=C4=9Fla?= <a@example.org>\r\nSubject: =?utf-8?b?xZ5pxZ9l?=\r\nCc: b@example.org\r\n"
    raw += b"\r\nText\r\n"
    dovecot.put(raw, START, flags="S")
    (row,) = rows(reader).values()
    assert row.shown["subject"] == "Şişe"
    assert row.shown["from"] == [["Çağla", "a@example.org"]]
    assert row.shown["cc"] == [["", "b@example.org"]]
    assert (row.size, row.is_read, row.time) == (len(raw), True, START)


def test_nothing_is_marked_as_read_nor_changed(
    dovecot: Dovecot, reader: ImapReader, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    path = dovecot.put(message(1), START)
    new = dovecot.path() / "new" / "1795176000.M1P1.host"
    path.rename(new)
    for row in rows(reader).values():
        content(reader, row)
    list(reader.ids())
    assert dovecot.flags() <= {""}
    sent = [record.getMessage() for record in caplog.records if record.getMessage().startswith(">")]
    assert any("EXAMINE" in line for line in sent)
    assert not [line for line in sent if re.search(r"SELECT|STORE|BODY\[|RFC822( |$)", line)]


@pytest.mark.parametrize("size", [PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 77])
def test_long_messages_come_in_pieces_and_are_whole(size: int, dovecot: Dovecot, reader: ImapReader) -> None:
    raw = message(1)
    raw += (b"%060d\r\n" % 7) * (size // 62 + 1)
    raw = raw[:size]
    dovecot.put(raw, START)
    (row,) = rows(reader).values()
    assert content(reader, row) == raw


def test_rubbish_is_a_mail_like_any_other(dovecot: Dovecot, reader: ImapReader) -> None:
    raws = [b"no header at all\r\n", b"\xff\xfe\x80\r\n\r\n\xff", b"Subject: a\r\n b\r\n\tc\r\n\r\n", b"\r\n"]
    for number, raw in enumerate(raws):
        dovecot.put(raw, START + number)
    found = rows(reader).values()
    assert [content(reader, row) for row in sorted(found, key=lambda row: row.time)] == raws


def test_drafts_are_no_mails(dovecot: Dovecot, reader: ImapReader) -> None:
    dovecot.put(message(1), START, "Drafts")
    dovecot.put(message(2), START, flags="D")
    dovecot.put(message(3), START)
    assert subjects(rows(reader).values()) == ["Number 3"]


class TestIds:
    def test_a_mail_that_is_moved_is_the_same(self, dovecot: Dovecot, reader: ImapReader) -> None:
        dovecot.put(message(1), START)
        before = rows(reader)
        dovecot.move("Number 1", "INBOX", "Archive.2026")
        after = rows(reader)
        assert after.keys() == before.keys()
        (row,) = after.values()
        assert row.folder == "Archive/2026"
        assert content(reader, row) == message(1)

    def test_other_uids_make_no_other_mails(self, dovecot: Dovecot, reader: ImapReader) -> None:
        for number in range(20):
            dovecot.put(message(number), START + number % 3, message_id_folder(number))
        before = rows(reader)
        dovecot.renumber("Other")
        after = rows(reader)
        assert after.keys() == before.keys()
        assert validities(after) != validities(before)
        assert sorted(content(reader, row) for row in after.values()) == sorted(map(message, range(20)))

    def test_mails_alike_in_all_are_as_many_as_there_are(self, dovecot: Dovecot, reader: ImapReader) -> None:
        for _ in range(2):
            dovecot.put(message(1), START)
        dovecot.put(message(1), START, "Copies")
        before = rows(reader)
        assert len(before) == 3
        dovecot.move("Number 1", "INBOX", "Copies")
        assert rows(reader).keys() == before.keys()

    @pytest.mark.parametrize(
        ("other", "at"), [(message(2), START), (message(1), START + 1), (message(1, "longer than it"), START)]
    )
    def test_mails_of_one_message_id_are_two_where_anything_differs(
        self, other: bytes, at: int, dovecot: Dovecot, reader: ImapReader
    ) -> None:
        dovecot.put(message(1), START)
        dovecot.put(other.replace(b"<2@", b"<1@"), at, "Other")
        assert len(rows(reader)) == 2

    def test_all_ids_are_those_of_the_windows(self, dovecot: Dovecot, reader: ImapReader) -> None:
        for number in range(30):
            folder = ("INBOX", "A/B", "C")[number % 3]
            dovecot.put(message(number, message_id=None if number % 7 == 0 else ""), START + number * 600, folder)
        dovecot.put(message(99), START, "Drafts")
        folders = {one.folder: (one.total, list(one.mails)) for one in reader.ids()}
        held = {mail.id: mail.time for _, mails in folders.values() for mail in mails if mail.time is not None}
        windows = rows(reader, START, START + 30 * 600)
        assert held == {row.id: row.time for row in windows.values()}
        assert {folder: total for folder, (total, _) in folders.items()} == {
            "INBOX": 10, "A/B": 10, "C": 10, "Drafts": 1, "Sent": 0
        }  # fmt: skip
        assert all(len(mails) == total for total, mails in folders.values())


class TestMeanwhile:
    def test_a_mail_that_is_moved_before_it_is_fetched_is_had_from_where_it_lies(
        self, dovecot: Dovecot, reader: ImapReader
    ) -> None:
        dovecot.put(message(1), START)
        (row,) = rows(reader).values()
        dovecot.move("Number 1", "INBOX", "Archive")
        assert content(reader, row) == message(1)

    def test_a_mail_that_is_deleted_before_it_is_fetched_is_gone(self, dovecot: Dovecot, reader: ImapReader) -> None:
        dovecot.put(message(1), START)
        dovecot.put(message(2), START)
        listed = {str(row.shown["subject"]): row for row in rows(reader).values()}
        dovecot.delete("Number 1")
        with pytest.raises(NotHadError, match="deleted") as raised:
            content(reader, listed["Number 1"])
        assert raised.value.detail.value == "purged"
        assert content(reader, listed["Number 2"]) == message(2)

    def test_a_folder_that_is_deleted_before_its_mails_are_fetched_hides_no_other(
        self, dovecot: Dovecot, reader: ImapReader
    ) -> None:
        dovecot.put(message(1), START)
        dovecot.put(message(2), START, "Going")
        listed = {str(row.shown["subject"]): row for row in rows(reader).values()}
        remove(dovecot, "Going")
        with pytest.raises(NotHadError, match="deleted"):
            content(reader, listed["Number 2"])
        assert content(reader, listed["Number 1"]) == message(1)

    def test_a_folder_that_is_deleted_while_folders_are_listed_hides_no_other(
        self, dovecot: Dovecot, reader: ImapReader
    ) -> None:
        for number, folder in enumerate(["INBOX", "A", "B", "C"]):
            dovecot.put(message(number), START, folder)
        going_on = reader.rows(START, END)
        found = [next(going_on)]
        remove(dovecot, "B")
        found += going_on
        assert subjects(found) == ["Number 0", "Number 1", "Number 3"]

    def test_a_mail_that_is_moved_behind_the_listing_is_found(self, dovecot: Dovecot, reader: ImapReader) -> None:
        dovecot.put(message(1), START)
        dovecot.put(message(2), START, "Z")
        going_on = reader.rows(START, END)
        found = [next(going_on)]
        dovecot.move("Number 2", "Z", "INBOX")
        found += going_on
        assert subjects(found) == ["Number 1", "Number 2"]

    def test_mails_of_a_folder_that_is_renamed_meanwhile_are_found(self, dovecot: Dovecot, reader: ImapReader) -> None:
        dovecot.put(message(1), START)
        dovecot.put(message(2), START, "Z")
        going_on = reader.rows(START, END)
        found = [next(going_on)]
        with dovecot.session() as somebody:
            somebody.rename_folder("Z", "A")
        found += going_on
        assert subjects(found) == ["Number 1", "Number 2"]


def validities(found: dict[str, Listed]) -> set[int]:
    return {row.validity for row in found.values() if isinstance(row, Mail)}


def message_id_folder(number: int) -> str:
    return "INBOX" if number % 2 else "Other"


def remove(dovecot: Dovecot, folder: str) -> None:
    with dovecot.session() as somebody:
        somebody.delete_folder(folder)
