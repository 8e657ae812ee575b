"""`mailevents reports`."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mailevents_dagster_tests.commands import COMMAND, mailevents
from mailevents_dagster_tests.deliverability.reports.samples import aggregate, connections, gzipped, record, zipped

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a report, the same again packed, two others, and one that is broken."""
    (tmp_path / "inner").mkdir()
    (tmp_path / "a.xml").write_bytes(aggregate(record(count=3), record("2001:db8::1", 4, dkim="fail", spf="fail")))
    (tmp_path / "b.xml.gz").write_bytes(gzipped(aggregate()))
    (tmp_path / "inner" / "broken.xml").write_bytes(b"<feedback><report_metadata>")
    (tmp_path / "inner" / "tls.zip").write_bytes(zipped(("tls.json", connections())))
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


def printed(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_each_report_of_a_folder_is_one_line(folder: Path) -> None:
    done = mailevents("reports", str(folder), environ={})
    first, again, broken, tls = printed(done.stdout)
    assert (first["file"], first["part"], first["kind"]) == (str(folder / "a.xml"), None, "dmarc-aggregate")
    assert first["metadata"]["report_id"] == "2026-11-20.1"
    assert first["policy"]["domain"] == "example.com"
    assert (first["record_count"], first["message_count"]) == (2, 7)
    assert [(one["source_ip"], one["count"], one["dmarc_passed"]) for one in first["records"]] == [
        ("192.0.2.1", 3, True),
        ("2001:db8::1", 4, False),
    ]
    assert again["repeats"] == first["file"]
    assert (broken["kind"], broken["why"][:4]) == ("broken", "line")
    assert (tls["kind"], tls["part"], tls["policies"][0]["summary"]["total_failure_session_count"]) == (
        "tls",
        "tls.json",
        2,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[0].startswith(f"{folder / 'inner' / 'broken.xml'} cannot be read: line 1")


def test_where_all_is_whole_it_ends_well(folder: Path) -> None:
    done = mailevents("reports", str(folder / "a.xml"), str(folder / "a.xml"), environ={})
    assert (done.returncode, done.stderr) == (0, "")
    assert [one["repeats"] for one in printed(done.stdout)] == [None, str(folder / "a.xml")]


def test_what_is_left_out_of_a_report_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(aggregate(record(), record(count="x")))
    done = mailevents("reports", str(tmp_path), environ={})
    (found,) = printed(done.stdout)
    assert (done.returncode, found["record_count"]) == (1, 1)
    assert found["left_out"] == ["record 2 has a count that is no number"]
    assert "is not read whole; left out: record 2 has a count" in done.stderr


def test_standard_input_may_be_a_pipe_or_a_file(folder: Path) -> None:
    content = (folder / "b.xml.gz").read_bytes()
    piped = subprocess.run([COMMAND, "reports", "-"], input=content, capture_output=True, check=True)
    with (folder / "b.xml.gz").open("rb") as file:
        read = subprocess.run([COMMAND, "reports", "-"], stdin=file, capture_output=True, check=True)
    assert piped.stdout == read.stdout
    assert json.loads(piped.stdout)["file"] == "-"


def test_a_file_that_may_not_be_read_or_is_not_there_is_told(folder: Path) -> None:
    assert mailevents("reports", str(folder / "none.xml"), environ={}).returncode == 2
    (folder / "a.xml").unlink()
    (folder / "a.xml").symlink_to("/proc/self/mem")
    done = mailevents("reports", str(folder / "a.xml"), str(folder / "b.xml.gz"), environ={})
    assert [one["kind"] for one in printed(done.stdout)] == ["broken", "dmarc-aggregate"]
    assert done.returncode == 1


def test_the_names_of_files_in_a_report_say_nothing_that_a_terminal_obeys(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped(("a\x1b[31m\n.xml", b"<feedback><")))
    result = mailevents("reports", str(tmp_path / "a.zip"), environ={})
    assert "\x1b" not in result.stderr
    assert r"a\x1b[31m\n.xml cannot be read" in result.stderr
