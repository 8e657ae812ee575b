"""Details already fetched outlive whatever happens to the process."""

from __future__ import annotations

import hashlib
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.store.hour.journal import SYNC_EVERY, Journal

LISTING = bytes(range(16))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal" / "hour.journal"


def digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def filled(path: Path, number: int = 3) -> Journal:
    journal = Journal(path)
    for index in range(number):
        journal.record(digest(f"n{index}"), LISTING, raw(index))
    journal.close()
    return journal


def raw(index: int) -> bytes:
    return f'{{"n":{index},"text":"with blanks, ş and \\n"}}'.encode()


def kept(path: Path, number: int = 3) -> list[bool]:
    journal = Journal(path)
    return [journal.get(digest(f"n{index}"), LISTING) == raw(index) for index in range(number)]


def test_what_was_recorded_is_there_for_the_next_process(path: Path) -> None:
    filled(path)
    assert kept(path) == [True] * 3
    assert len(Journal(path)) == 3


def test_a_detail_speaks_for_its_version_of_the_row_alone(path: Path) -> None:
    filled(path)
    assert Journal(path).get(digest("n0"), digest("changed")) is None
    assert Journal(path).get(digest("other"), LISTING) is None


def test_the_last_record_of_a_version_counts(path: Path) -> None:
    filled(path)
    journal = Journal(path)
    journal.record(digest("n0"), LISTING, b'{"again":1}')
    journal.close()
    for one in (journal, Journal(path)):
        assert one.get(digest("n0"), LISTING) == b'{"again":1}'


def test_a_closed_journal_takes_no_record_of_a_call_that_came_late(path: Path) -> None:
    journal = filled(path)
    with pytest.raises(ValueError, match="closed"):
        journal.record(digest("n9"), LISTING, b"{}")


def test_a_damaged_record_is_set_aside_once_and_the_others_stay(path: Path) -> None:
    filled(path)
    content = path.read_bytes()
    path.write_bytes(content.replace(b'{"', b"<'", 1))
    journal = Journal(path)
    assert journal.set_aside == path.with_name(f"{path.name}.damaged")
    assert journal.set_aside.read_bytes().count(b"\n") == 1
    assert len(journal) == 2
    assert Journal(path).set_aside is None


def test_a_journal_that_records_nothing_makes_no_file(path: Path) -> None:
    journal = Journal(path)
    journal.close()
    journal.discard()
    assert not path.parent.exists()


def test_a_discarded_journal_is_gone(path: Path) -> None:
    filled(path).discard()
    assert not path.exists()
    assert len(Journal(path)) == 0


def test_a_journal_is_for_nobody_else(path: Path) -> None:
    filled(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("torn", range(1, 60))
def test_a_torn_line_at_the_end_of_a_journal_is_dropped_and_does_not_spoil_the_next(path: Path, torn: int) -> None:
    filled(path)
    path.write_bytes(path.read_bytes()[:-torn])
    expected = [True, True, False]
    assert kept(path) == expected
    journal = Journal(path)
    journal.record(digest("n3"), LISTING, raw(3))
    journal.close()
    assert kept(path, 4) == [*expected, True]


@given(st.data())
@settings(max_examples=150)
def test_a_flipped_bit_never_gives_a_wrong_detail_and_costs_one_record_at_most(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("journal") / "hour.journal"
    filled(path)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    journal = Journal(path)
    for index in range(3):
        assert journal.get(digest(f"n{index}"), LISTING) in (raw(index), None)
    # A flipped line end makes one line of two.
    assert sum(kept(path)) >= (1 if path.read_bytes().count(b"\n") < 3 else 2)


@given(st.binary(max_size=300))
@settings(max_examples=100)
def test_rubbish_in_a_journal_is_not_a_detail_and_not_an_error(
    tmp_path_factory: pytest.TempPathFactory, rubbish: bytes
) -> None:
    path = tmp_path_factory.mktemp("journal") / "hour.journal"
    path.write_bytes(rubbish)
    assert len(Journal(path)) == 0
    filled(path)
    assert kept(path) == [True] * 3


def test_threads_may_record_at_once(path: Path) -> None:
    journal = Journal(path)
    start = threading.Barrier(8)

    def work(thread: int) -> None:
        start.wait(60)
        for index in range(SYNC_EVERY):
            journal.record(digest(f"{thread} {index}"), LISTING, b"x" * (index * 50) + b"%d" % thread)

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    journal.close()
    again = Journal(path)
    assert len(again) == 8 * SYNC_EVERY
    for thread in range(8):
        assert again.get(digest(f"{thread} 63"), LISTING) == b"x" * 3150 + b"%d" % thread


@pytest.mark.slow
def test_a_detail_whose_recording_returned_survives_a_kill(path: Path) -> None:
    program = f"""
import os, signal
from pathlib import Path
from mailevents_dagster.store.hour.journal import Journal
from mailevents_dagster_tests.store.hour.test_journal import LISTING, digest, raw
journal = Journal(Path({str(path)!r}))
for index in range(100):
    journal.record(digest(f"n{{index}}"), LISTING, raw(index))
os.kill(os.getpid(), signal.SIGKILL)
"""
    here = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", program], cwd=here, check=False, capture_output=True)
    assert done.returncode == -9, done.stderr
    assert kept(path, 100) == [True] * 100
