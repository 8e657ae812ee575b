"""The journal of an hour: details already fetched, kept until the hour is committed, whatever happens to the process.

One line a detail: identity, digest of the listing row, checksum, record. A line that a crash tore, or that does not
match its checksum, counts as not fetched.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Final
from zlib import crc32

from mailevents_dagster.files.atomic import append, make_folder, naming, publish

BINARY: Final = getattr(os, "O_BINARY", 0)
"""Windows alone has text files."""
SYNC_EVERY: Final = 64
"""Records between two flushes to disk: what a power cut may cost. A killed process loses none."""


class Journal:
    """Details of one hour by (identity, listing digest). Threads may record at once; one process at a time.

    They stay on disk and are read when asked for: an hour may have more of them than there is memory for.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._using = threading.Lock()
        self._handle: int | None = None
        self._unsynced = 0
        self._places: dict[tuple[bytes, bytes], tuple[int, int]] = {}
        """Where each record begins in the file, and how long it is."""
        self._closed = False
        self._whole_bytes = 0
        self.set_aside: Path | None = None
        """Where damaged records were put, if there were any."""
        if path.exists():
            self._read()

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, version: tuple[bytes, bytes]) -> bool:
        return version in self._places

    def get(self, identity: bytes, listing: bytes) -> bytes | None:
        place = self._places.get((identity, listing))
        if place is None:
            return None
        with self._using, naming(self._path):
            return _read_at(self._open(), *place)

    def record(self, identity: bytes, listing: bytes, raw: bytes) -> None:
        """Keep a detail: once this returns, a killed process has not lost it."""
        line = _line(identity, listing, raw)
        with self._using:
            if self._closed:
                raise ValueError(f"{self._path} is closed: its hour is no longer collected here")
            handle = self._open()
            rest = line
            with naming(self._path):
                while rest:
                    rest = rest[os.write(handle, rest) :]
            self._whole_bytes += len(line)
            self._places[identity, listing] = self._whole_bytes - 1 - len(raw), len(raw)
            self._unsynced = (self._unsynced + 1) % SYNC_EVERY
            due = self._unsynced == 0
        if due:  # outside the lock: a disk takes milliseconds, in which the other threads go on
            with naming(self._path):
                os.fsync(handle)

    def close(self) -> None:
        handle = self._end()
        if handle is not None:
            try:
                with naming(self._path):
                    os.fsync(handle)
            finally:
                os.close(handle)

    def discard(self) -> None:
        """Remove the journal, once its hour is committed: nothing of it need reach the disk any more."""
        handle = self._end()
        if handle is not None:
            os.close(handle)
        self._places.clear()
        self._path.unlink(missing_ok=True)

    def _end(self) -> int | None:
        """Take no further record; return the open file, if there is one."""
        with self._using:
            self._closed = True
            handle, self._handle = self._handle, None
        return handle

    def _open(self) -> int:
        if self._handle is None:
            make_folder(self._path.parent)
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | BINARY, 0o600)
            os.ftruncate(self._handle, self._whole_bytes)  # a torn line must not run into the next record
        return self._handle

    def _read(self) -> None:
        damaged: list[bytes] = []
        with self._path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):  # it was being written when the process died
                    break
                self._whole_bytes += len(line)
                version, raw = _parsed(line[:-1])
                if version:
                    self._places[version] = self._whole_bytes - 1 - len(raw), len(raw)
                elif raw:
                    damaged.append(raw)
        if damaged:
            self.set_aside = self._path.with_name(f"{self._path.name}.damaged")
            append(self.set_aside, [b"\n".join(damaged) + b"\n"])
            self._rewrite()

    def _rewrite(self) -> None:
        """Leave only what is whole, so that damage is set aside once."""
        places: dict[tuple[bytes, bytes], tuple[int, int]] = {}
        with publish(self._path) as file, self._path.open("rb") as old:
            for version, place in self._places.items():
                raw = _read_at(old.fileno(), *place)
                file.write(_line(*version, raw))
                places[version] = file.tell() - 1 - len(raw), len(raw)
            self._whole_bytes = file.tell()
        self._places = places


def _line(identity: bytes, listing: bytes, raw: bytes) -> bytes:
    return b"%s %s %08x %s\n" % (identity.hex().encode(), listing.hex().encode(), crc32(identity + listing + raw), raw)


def _parsed(line: bytes) -> tuple[tuple[bytes, bytes] | None, bytes]:
    """Return the version that a line speaks of and its record; no version and the line itself where it is damaged."""
    fields = line.split(b" ", 3)
    try:
        identity, listing = bytes.fromhex(fields[0].decode()), bytes.fromhex(fields[1].decode())
        whole = int(fields[2], 16) == crc32(identity + listing + fields[3])
    except (ValueError, IndexError):
        whole = False
    return ((identity, listing), fields[3]) if whole else (None, line)


def _read_at(handle: int, first: int, size: int) -> bytes:
    os.lseek(handle, first, os.SEEK_SET)
    return os.read(handle, size)
