"""The database that another system reads, and the attachments beside it."""

from __future__ import annotations

import subprocess
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.sources.mailbox.delivery.attachments import FileNames
from mailevents_dagster.sources.mailbox.delivery.database import database_name, make_database
from mailevents_dagster.sources.mailbox.delivery.mail import DatabaseSettings, Mail, storable
from mailevents_dagster_tests.conftest import START
from mailevents_dagster_tests.sources.mailbox.delivery.mails import EXTENDED, MAILBOX, ORIGINAL, mail, raw, rows

SCHEMA = """\
CREATE TABLE fund_mail (id INTEGER PRIMARY KEY AUTOINCREMENT, email_id TEXT, subject TEXT, sender_address TEXT, \
sender_name TEXT, from_address TEXT, from_name TEXT, to_recipients TEXT, cc_recipients TEXT, email_time TEXT, \
kst_time TEXT, content TEXT);
CREATE TABLE sqlite_sequence(name,seq);
CREATE TABLE fund_mail_attach (id INTEGER PRIMARY KEY AUTOINCREMENT, parent_id INTEGER, email_id TEXT, \
save_folder TEXT, file_name TEXT, file_size INTEGER);
"""


def gone() -> Mail:
    def fail() -> None:
        raise DamagedError("it is gone")

    return Mail("id-gone", START, "Inbox", fail)  # type: ignore[arg-type]


@pytest.mark.programs
def test_the_tables_are_those_that_were_agreed_upon(tmp_path: Path) -> None:
    path = make_database([mail()], tmp_path, ORIGINAL)
    assert subprocess.run(["sqlite3", path, ".schema"], capture_output=True, text=True, check=True).stdout == SCHEMA


def test_a_row_says_what_the_mail_says(tmp_path: Path) -> None:
    path = make_database([mail(7, time=1_626_648_653.360111)], tmp_path, ORIGINAL)
    assert rows(path) == [
        {
            "id": 1,
            "email_id": "id-7",
            "subject": "Mail 7",
            "sender_address": "office@example.org",
            "sender_name": "Office",
            "from_address": "ayse@example.org",
            "from_name": "Ayşe Çağlar",
            "to_recipients": "fund@example.com, second@example.com",
            "cc_recipients": "third@example.com",
            "email_time": "2021-07-18T22:50:53.360111Z",
            "kst_time": "2021-07-19 07:50:53.360111",
            "content": "<p>Mail 7 기준가</p>\n",
        }
    ]


def test_a_long_text_is_whole(tmp_path: Path) -> None:
    head = b"Content-Type: text/html; charset=utf-8\r\n\r\n"
    (row,) = rows(make_database([mail(1, head + b"<p>text</p>\r\n" * 300_000)], tmp_path, EXTENDED))
    assert len(row["content"]) == len("<p>text</p>\n") * 300_000
    assert row["note"] == ""


def test_times_have_all_digits_and_the_time_zone_of_the_settings(tmp_path: Path) -> None:
    (row,) = rows(make_database([mail()], tmp_path, DatabaseSettings(MAILBOX, "Europe/Istanbul")))
    assert row["email_time"] == "2026-11-20T12:00:00Z"
    assert row["kst_time"] == "2026-11-20 15:00:00.000000"


def test_what_a_mail_does_not_say_is_empty(tmp_path: Path) -> None:
    (row,) = rows(make_database([mail(1, b"\r\n")], tmp_path, ORIGINAL))
    assert {name for name, value in row.items() if value == ""} == {
        "subject",
        "sender_address",
        "sender_name",
        "from_address",
        "from_name",
        "to_recipients",
        "cc_recipients",
        "content",
    }


def test_more_columns_stand_behind_the_others_where_they_are_asked_for(tmp_path: Path) -> None:
    mails = [
        mail(1, raw(1, [("a:b.txt", b"x")])),
        mail(2, raw(2, Sender=MAILBOX.upper()), folder="Archive/2026"),
        mail(3, folder="Sent Items/old"),
    ]
    path = make_database(mails, tmp_path, EXTENDED)
    first, *_ = rows(path)
    assert list(first)[-4:] == ["content", "msg_kind", "folder_path", "note"]
    assert [row["msg_kind"] for row in rows(path)] == ["receive", "sent", "sent"]
    assert [row["folder_path"] for row in rows(path)] == ["Inbox", "Archive/2026", "Sent Items/old"]
    (attached,) = rows(path, "fund_mail_attach")
    assert list(attached)[-3:] == ["file_size", "org_file_name", "phy_file_name"]
    assert attached["org_file_name"] == "a:b.txt"
    assert attached["phy_file_name"] == attached["file_name"] != "a:b.txt"


def test_attachments_lie_beneath_the_day_of_their_mail_and_none_overwrites_another(tmp_path: Path) -> None:
    mails = [
        mail(1, raw(1, [("nav.csv", b"one"), ("NAV.csv", b"two"), ("nav.csv", b"")])),
        mail(2, raw(2, [("nav.csv", b"four")])),
        mail(3, raw(3, [("nav.csv", b"five")]), time=START + 4 * 3600),
    ]
    path = make_database(mails, tmp_path, ORIGINAL)
    found = rows(path, "fund_mail_attach")
    assert [(row["parent_id"], row["email_id"], row["save_folder"], row["file_name"]) for row in found] == [
        (1, "id-1", "2026_11_20", "nav.csv"),
        (1, "id-1", "2026_11_20", "NAV_2.csv"),
        (1, "id-1", "2026_11_20", "nav_3.csv"),
        (2, "id-2", "2026_11_20", "nav_4.csv"),
        (3, "id-3", "2026_11_21", "nav.csv"),
    ]
    saved = [(tmp_path / row["save_folder"] / row["file_name"]).read_bytes() for row in found]
    assert saved == [b"one", b"two", b"", b"four", b"five"]
    assert [row["file_size"] for row in found] == [3, 3, 0, 4, 4]


def test_a_second_database_in_the_folder_leaves_the_first_alone(tmp_path: Path) -> None:
    first = make_database([mail(1, raw(1, [("nav.csv", b"one")]))], tmp_path, ORIGINAL, name="fm_1.db")
    second = make_database([mail(2, raw(2, [("nav.csv", b"two")]))], tmp_path, ORIGINAL, name="fm_2.db")
    assert rows(first, "fund_mail_attach")[0]["file_name"] == "nav.csv"
    assert rows(second, "fund_mail_attach")[0]["file_name"] == "nav_2.csv"
    assert (tmp_path / "2026_11_20/nav.csv").read_bytes() == b"one"
    assert (tmp_path / "2026_11_20/nav_2.csv").read_bytes() == b"two"


def test_databases_of_one_minute_have_different_names() -> None:
    at = datetime(2026, 11, 20, 14, 5, 59, tzinfo=ZoneInfo("Asia/Seoul")).timestamp()
    assert database_name(at, "Asia/Seoul", ()) == "fm_2026_11_20_1405.db"
    assert database_name(at, "Asia/Seoul", {"fm_2026_11_20_1405.db"}) == "fm_2026_11_20_1405_2.db"
    taken = {"fm_2026_11_20_1405.db", "fm_2026_11_20_1405_2.db"}
    assert database_name(at, "Asia/Seoul", taken) == "fm_2026_11_20_1405_3.db"
    assert database_name(at, "Asia/Seoul", (), "2025_06_30") == "fm_2025_06_30_1405.db"


def test_a_mail_that_cannot_be_read_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(DamagedError):
        make_database([mail(1, raw(1, [("a", b"x")])), gone()], tmp_path, ORIGINAL)
    assert list(tmp_path.iterdir()) == []


def test_a_mail_that_cannot_be_read_hides_no_other_where_somebody_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    mails = [mail(1), gone(), mail(2)]
    path = make_database(mails, tmp_path, ORIGINAL, unreadable=lambda one, _: told.append(one.id))
    assert [row["email_id"] for row in rows(path)] == ["id-1", "id-2"]
    assert told == ["id-gone"]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    partial = tmp_path / ".fm_1.db.partial"
    partial.mkdir()
    (partial / "fm_1.db").write_text("half")
    make_database([mail()], tmp_path, ORIGINAL, name="fm_1.db")
    assert [path.name for path in tmp_path.iterdir()] == ["fm_1.db"]


def test_files_are_for_this_user_alone(tmp_path: Path) -> None:
    path = make_database([mail(1, raw(1, [("a.txt", b"x")]))], tmp_path / "out", ORIGINAL)
    assert path.stat().st_mode & 0o777 == 0o600
    assert (path.parent / "2026_11_20/a.txt").stat().st_mode & 0o777 == 0o600
    assert (path.parent / "2026_11_20").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("content", [b"", b"\0" * 1000, bytes(range(256)) * 50, b"Subject: \xff\0\r\n\r\n\xed\xa0\x80"])
def test_rubbish_is_a_row(tmp_path: Path, content: bytes) -> None:
    (row,) = rows(make_database([mail(1, content)], tmp_path, EXTENDED))
    assert row["email_id"] == "id-1"
    assert all("\0" not in value for value in row.values() if isinstance(value, str))


@given(st.text(st.characters(codec=None)))
def test_any_text_can_be_stored_and_keeps_what_is_whole(text: str) -> None:
    kept = storable(text)
    kept.encode()
    assert "\0" not in kept
    if "\0" not in text and not any(0xD800 <= ord(sign) <= 0xDFFF for sign in text):
        assert kept == text


@given(st.lists(st.sampled_from(["a", "A", "a_2", "a.b", "a_2.b", "a.b.c", ".a", "ß", "SS"]), max_size=30))
def test_no_two_names_are_the_same_on_any_system(names: list[str]) -> None:
    given_names = FileNames(lambda _: ["a_3"])
    found = [given_names.give("day", name) for name in names]
    assert len({name.casefold() for name in [*found, "a_3"]}) == len(names) + 1
