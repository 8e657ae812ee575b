"""`mailevents import-pst`: what it refuses, and what it says."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailevents_dagster.cli import main
from mailevents_dagster.sources.mailbox.pst import library
from mailevents_dagster.sources.mailbox.pst.library import PstError
from mailevents_dagster_tests.sources.mailbox.pst.items import FakeFile, mail

pytestmark = pytest.mark.slow

SETTINGS = """\
storage: data
timezone: Europe/Istanbul
start: 2026-11-01T00:00
mailboxes:
  - {address: fund@example.com, tenant_id: simulator}
"""
NOON = 1_300_000_000.0


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("MAILEVENTS_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mailevents.yaml").write_text(SETTINGS, "utf-8")
    (tmp_path / "old.pst").write_bytes(b"no Outlook file")
    return tmp_path


def run(place: Path, *arguments: str, address: str = "fund@example.com") -> Result:
    config = str(place / "mailevents.yaml")
    return CliRunner().invoke(main, ["--config", config, "import-pst", *arguments, "--mailbox", address])


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch) -> FakeFile:
    mails = [mail(number, NOON + number, message_id=f"<{number}@x>", body="Hello") for number in range(3)]
    found = FakeFile([*mails, mail(9, NOON, message_class="IPM.Contact")])

    class Opened:
        def __init__(self, _: Path) -> None: ...

        def __enter__(self) -> FakeFile:
            return found

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(library, "File", Opened)
    return found


def test_counts_and_outcome_are_printed_a_line_each(place: Path, file: FakeFile) -> None:
    first, again = run(place, "old.pst"), run(place, "old.pst")
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert "  IPM.Note: 3\n" in first.output
    assert "  IPM.Contact: 1 (no mail, left out)\n" in first.output
    assert "  Inbox: 4\n" in first.output
    assert "Mails: 3 imported, 0 there before, in 1 hours that were written" in first.output
    assert "Mails: 0 imported, 3 there before, in 0 hours that were written" in again.output


def test_what_cannot_be_read_is_named_and_the_exit_code_says_so(place: Path, file: FakeFile) -> None:
    file.mails = [*file.mails, PstError("torn")]
    found = run(place, "old.pst")
    assert found.exit_code == 1
    assert "Could not be read, or not whole: 1\n  Inbox, item 5 of 5: torn\n" in found.output


def test_out_makes_a_database_and_leaves_the_store_as_it_is(place: Path, file: FakeFile) -> None:
    found = run(place, "old.pst", "--out", "made")
    assert found.exit_code == 0
    (database,) = (place / "made").glob("fm_*.db")
    with sqlite3.connect(database) as opened:
        rows = opened.execute("SELECT subject, content FROM fund_mail ORDER BY id").fetchall()
    opened.close()
    assert [subject for subject, _ in rows] == ["mail 0", "mail 1", "mail 2"]
    assert not list((place / "data").rglob("*.parquet"))


@pytest.mark.parametrize(("arguments", "said"), [(["gone.pst"], "does not exist"), (["."], "is a directory")])
def test_what_is_no_file_is_wrong_usage(place: Path, arguments: list[str], said: str) -> None:
    found = run(place, *arguments)
    assert found.exit_code == 2
    assert said in found.output


def test_a_mailbox_that_the_settings_do_not_name_is_wrong_usage(place: Path) -> None:
    found = run(place, "old.pst", address="other@example.com")
    assert found.exit_code == 2
    assert "there are: fund@example.com" in found.output


@pytest.mark.programs
def test_rubbish_is_said_to_be_no_outlook_file(place: Path) -> None:
    found = run(place, "old.pst")
    assert found.exit_code == 1
    assert "it is no PST, OST or PAB" in found.output


def test_where_libpff_is_not_there_it_is_said_how_to_get_it(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "find_library", lambda _: None)
    library.libpff.cache_clear()
    found = run(place, "old.pst")
    assert found.exit_code == 1
    assert "apt install libpff1" in found.output
