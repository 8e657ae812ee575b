"""Journals for tests: made by systemd-journal-remote, read by journalctl or another in its place."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailevents_dagster.model.event import ReadRange
from mailevents_dagster.sources.maillog.hour_lines import HourLines
from mailevents_dagster.sources.maillog.journal import JournalAccess, ServerJournal

WRITER = "/lib/systemd/systemd-journal-remote"
NOON = 1_795_176_000
"""2026-11-20 12:00 UTC."""
HOUR = 3600
UNIT = "postfix@-.service"


@dataclass(frozen=True)
class Logged:
    """An entry to be put into a journal."""

    at: float
    """Unix seconds."""
    message: str | bytes = "connect from unknown[192.0.2.1]"
    uptime: float | None = None
    boot: str = "a"
    fields: tuple[tuple[str, str], ...] = ()
    unit: str = UNIT

    @property
    def export(self) -> bytes:
        """The entry in the export format, whose binary form takes any value."""
        uptime = self.at - NOON + 1e6 if self.uptime is None else self.uptime
        fields = {
            "_HOSTNAME": "mx1",
            "_MACHINE_ID": "b" * 32,
            "SYSLOG_IDENTIFIER": "postfix/smtpd",
            "_PID": "123",
            "_SYSTEMD_UNIT": self.unit,
            "MESSAGE": self.message,
            **dict(self.fields),
        }
        head = f"__REALTIME_TIMESTAMP={round(self.at * 1e6)}\n__MONOTONIC_TIMESTAMP={round(uptime * 1e6)}\n"
        return f"{head}_BOOT_ID={self.boot * 32}\n".encode() + b"".join(map(_field, fields, fields.values())) + b"\n"


def _field(name: str, value: str | bytes) -> bytes:
    content = value.encode() if isinstance(value, str) else value
    return name.encode() + b"\n" + len(content).to_bytes(8, "little") + content + b"\n"


def write(folder: Path, entries: Iterable[Logged], file: str = "system") -> Path:
    """Add entries to a journal file of a folder."""
    folder.mkdir(exist_ok=True, parents=True)
    command = [WRITER, "--output", str(folder / f"{file}.journal"), "-"]
    subprocess.run(command, input=b"".join(one.export for one in entries), check=True, capture_output=True)
    return folder


def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let journalctl take the journal in a folder for that of this machine."""
    programs = folder.with_name(f"{folder.name} programs")
    journalctl(programs, f'exec /usr/bin/journalctl "--directory={folder}" "$@"', monkeypatch)


def journalctl(programs: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put another program in the place of journalctl."""
    programs.mkdir(exist_ok=True, parents=True)
    program = programs / "journalctl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")


def access(folder: Path | None = None, *units: str) -> JournalAccess:
    return JournalAccess(units or (UNIT,), str(folder) if folder else None)


def taken(found: HourLines) -> list[tuple[int, str]]:
    """All lines of an hour with their times."""
    return [pair for batch in found.batches for pair in zip(batch.times.tolist(), batch.texts.to_pylist(), strict=True)]


def texts(found: HourLines) -> list[str]:
    """What stands behind the heads of an hour's lines."""
    return [line.partition("]: ")[2] for _, line in taken(found)]


def one_hour(
    of: JournalAccess, first: int = NOON, held: Sequence[ReadRange] = (), now: float = NOON + 30 * HOUR
) -> tuple[list[str], HourLines]:
    """What a journal of its own says of an hour."""
    for journal in opened(of, now):
        found = journal.hour(first, first + HOUR, held)
        return texts(found), found
    raise AssertionError


def opened(of: JournalAccess, now: float = NOON + 30 * HOUR) -> Iterator[ServerJournal]:
    journal = ServerJournal(of, lambda: now)
    try:
        yield journal
    finally:
        journal.close()
