"""A journal that cannot be read is told with what to do, whatever journalctl makes of it."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from mailevents_dagster.model.event import ReadRange, StoppedError
from mailevents_dagster.sources.maillog.journal import ServerJournal
from mailevents_dagster.sources.maillog.journal.errors import JournalError
from mailevents_dagster_tests.sources.maillog.journal.journals import (
    HOUR,
    NOON,
    WRITER,
    Logged,
    access,
    journalctl,
    one_hour,
    opened,
    write,
)

KILLS = int(os.environ.get("MAILEVENTS_KILLS", "10"))
ENTRY = (
    '{"__CURSOR":"c","__REALTIME_TIMESTAMP":"1795176000000000","__MONOTONIC_TIMESTAMP":"1","_BOOT_ID":"b",'
    '"MESSAGE":"first"}'
)
LATER = ENTRY.replace('"1795176', '"1795999')
MUCH_LATER = LATER.replace('"1"', '"999999999"')


def failure(folder: Path | None = None) -> JournalError:
    with pytest.raises(JournalError) as raised:
        one_hour(access(folder))
    return raised.value


def test_where_there_is_no_journalctl_the_message_names_the_choices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "install it, or name the log's files" in str(failure())


@pytest.mark.parametrize(
    "ending", ["kill -9 $$", "echo 'Failed to iterate: I/O error' >&2; exit 1", "printf '{\"__CU'"]
)
def test_lines_before_a_failure_are_not_taken_for_the_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    journalctl(tmp_path / "bin", f"echo '{ENTRY}'\n{ending}", monkeypatch)
    for journal in opened(access()):
        batches = journal.hour(NOON, NOON + HOUR, []).batches
        with pytest.raises(JournalError):
            list(batches)


def test_what_journalctl_says_of_a_failure_is_told_on_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journalctl(tmp_path / "bin", "printf 'Failed to iterate: \\033[1mBad message\\nmore\\n' >&2; exit 3", monkeypatch)
    error = failure()
    assert "failed with exit code 3 while it read the journal of this machine: Failed to iterate: \\x1b[1m" in str(
        error
    )
    assert "\n" not in str(error)
    assert error.is_passing


@pytest.mark.parametrize("output", ["{}", '{"__CURSOR": 1}', "{rubbish", '{"__CURSOR":"c","_BOOT_ID":"b"}'])
def test_another_program_of_that_name_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    journalctl(tmp_path / "bin", f"echo '{output}'", monkeypatch)
    assert "systemd's own journalctl" in str(failure())


def test_lines_for_people_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journalctl(tmp_path / "bin", f"echo '-- Boot 1 --'; echo '{ENTRY}'; echo '-- No entries --'", monkeypatch)
    assert len(one_hour(access())[0]) == 1


def test_a_user_who_is_shown_a_part_alone_is_told_to_join_the_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hint = "Hint: You are currently not seeing messages from other users and the system."
    entries = "; ".join(f"echo '{entry}'" for entry in (ENTRY, LATER, MUCH_LATER))
    journalctl(tmp_path / "bin", f"echo '{hint}' >&2; {entries}; exec sleep 600", monkeypatch)
    error = failure()
    assert error.cause == "permission"
    assert "usermod -aG systemd-journal" in str(error)


def test_stopping_ends_a_reading_that_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journalctl(tmp_path / "bin", f"echo '{ENTRY}'; exec sleep 600", monkeypatch)
    journal = ServerJournal(access())
    batches = journal.hour(NOON, NOON + HOUR, []).batches
    threading.Timer(0.1, journal.stop).start()
    with pytest.raises(StoppedError):
        list(batches)
    with pytest.raises(StoppedError):
        journal.hour(NOON, NOON + HOUR, [])
    journal.close()


@pytest.mark.programs
def test_a_folder_without_a_journal_is_no_empty_hour(tmp_path: Path) -> None:
    assert "There is no journal in" in str(failure(tmp_path))
    assert "There is no journal in" in str(failure(tmp_path / "missing"))
    (tmp_path / "file").write_text("")
    assert "There is no journal in" in str(failure(tmp_path / "file"))


@pytest.mark.programs
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_user_without_rights_is_told_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = 'exec setpriv --reuid=65534 --regid=65534 --clear-groups /usr/bin/journalctl "$@"'
    journalctl(tmp_path / "bin", nobody, monkeypatch)
    with TemporaryDirectory() as entered:  # folders of pytest are for their owner alone
        folder = write(Path(entered) / "journal", [Logged(NOON)])
        for path in (Path(entered), folder):
            path.chmod(0o755)
        error = failure(folder)
    assert error.cause == "permission"
    assert "may not read" in str(error)


@pytest.mark.programs
@pytest.mark.slow
def test_a_writer_that_is_killed_at_any_moment_costs_no_entry_and_doubles_none(journal: Path) -> None:
    random = Random(18)
    write(journal, [Logged(NOON - 1)])
    held: Sequence[ReadRange] = ()
    lines: list[str] = []
    cut = 0
    for _ in range(KILLS):
        entries = [Logged(NOON + number / 10, f"{number}") for number in range(len(lines), len(lines) + 150)]
        killed_while_writing(journal, entries, random.random() * 0.003)
        found, hour = one_hour(access(), held=held, now=NOON + HOUR - 1)
        cut += len(found) < len(entries)
        lines = [*found] if hour.is_whole else lines + found
        held = hour.ranges
        assert lines == [f"{number}" for number in range(len(lines))]
        assert held[0].lines == len(lines)
    assert one_hour(access())[0] == lines
    assert cut
    assert len(lines) >= KILLS


def killed_while_writing(folder: Path, entries: Sequence[Logged], after: float) -> None:
    """Kill what writes a journal some moments after its first entry is there."""
    command = [WRITER, "--output", str(folder / "system.journal"), "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as writer:
        assert writer.stdin
        writer.stdin.write(entries[0].export)
        writer.stdin.flush()
        while entries[0].message not in one_hour(access(folder))[0]:
            assert writer.poll() is None
        writer.stdin.write(b"".join(one.export for one in entries[1:]))
        writer.stdin.flush()
        time.sleep(after)
        writer.kill()
