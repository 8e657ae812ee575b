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

from upath import UPath

from mailevents_dagster.store.atomic import append, make_folder, naming, publish

SYNC_EVERY: Final = 64
"""Records between two flushes to disk: what a power cut may cost. A killed process loses none."""


class Journal:
    """Details of one hour by (identity, listing digest). Threads may record at once; one process at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writing = threading.Lock()
        self._handle: int | None = None
        self._unsynced = 0
        self._details: dict[tuple[bytes, bytes], bytes] = {}
        self._closed = False
        self._whole_bytes = 0
        self.set_aside: Path | None = None
        """Where damaged records were put, if there were any."""
        if path.exists():
            self._read(path.read_bytes())

    def __len__(self) -> int:
        return len(self._details)

    def get(self, identity: bytes, listing: bytes) -> bytes | None:
        return self._details.get((identity, listing))

    def record(self, identity: bytes, listing: bytes, raw: bytes) -> None:
        """Keeps a detail: once this returns, a killed process has not lost it."""
        line = _line(identity, listing, raw)
        with self._writing:
            if self._closed:
                raise ValueError(f"{self._path} is closed: its hour is no longer collected here")
            self._details[identity, listing] = raw
            handle = self._open()
            with naming(self._path):
                while line:
                    line = line[os.write(handle, line) :]
            self._unsynced = (self._unsynced + 1) % SYNC_EVERY
            due = self._unsynced == 0
        if due:  # outside the lock: a disk takes milliseconds, in which the other threads go on
            with naming(self._path):
                os.fsync(handle)

    def close(self) -> None:
        with self._writing:
            self._closed = True
        if self._handle is not None:
            handle, self._handle = self._handle, None
            try:
                with naming(self._path):
                    os.fsync(handle)
            finally:
                os.close(handle)

    def discard(self) -> None:
        """Removes the journal, once its hour is committed."""
        self.close()
        self._details.clear()
        self._path.unlink(missing_ok=True)

    def _open(self) -> int:
        if self._handle is None:
            make_folder(self._path.parent)
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            os.ftruncate(self._handle, self._whole_bytes)  # a torn line must not run into the next record
        return self._handle

    def _read(self, content: bytes) -> None:
        *lines, torn = content.split(b"\n")  # what follows the last line end was being written when the process died
        self._whole_bytes = len(content) - len(torn)
        damaged: list[bytes] = []
        for line in lines:
            fields = line.split(b" ", 3)
            try:
                identity, listing = bytes.fromhex(fields[0].decode()), bytes.fromhex(fields[1].decode())
                whole = int(fields[2], 16) == crc32(identity + listing + fields[3])
            except (ValueError, IndexError):
                whole = False
            if whole:
                self._details[identity, listing] = fields[3]
            elif line:
                damaged.append(line)
        if damaged:
            self.set_aside = self._path.with_name(f"{self._path.name}.damaged")
            append(self.set_aside, b"\n".join(damaged) + b"\n")
            self._rewrite()

    def _rewrite(self) -> None:
        """Leaves only what is whole, so that damage is set aside once."""
        with publish(UPath(self._path)) as file:
            for (identity, listing), raw in self._details.items():
                file.write(_line(identity, listing, raw))
            self._whole_bytes = file.tell()


def _line(identity: bytes, listing: bytes, raw: bytes) -> bytes:
    return b"%s %s %08x %s\n" % (identity.hex().encode(), listing.hex().encode(), crc32(identity + listing + raw), raw)
