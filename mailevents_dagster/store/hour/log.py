"""The log of an hour: its events as lines of JSON, oldest first. Derived from the snapshot, kept current in place."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Final, Protocol

import pyarrow as pa

from mailevents_dagster.files.atomic import append, mode_of, naming, opened, publish, set_mode
from mailevents_dagster.files.digests import Digest
from mailevents_dagster.files.objects import ABSENT, Version, write_if
from mailevents_dagster.files.stored_path import StoredPath, is_local

if TYPE_CHECKING:
    from upath import UPath

BLOCK: Final = 2**20


class Change(StrEnum):
    """What bringing a log up to date did to the file."""

    CREATED = "created"
    UNCHANGED = "unchanged"
    APPENDED = "appended"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Written:
    """A log file as it is now."""

    change: Change
    bytes: int
    sha256: str


@dataclass(slots=True)
class StoredLog:
    """What is known of a log on an object store, so that it need not be read."""

    version: Version = field(default_factory=Version)
    sha256: str | None = None


@contextmanager
def bring_up_to_date(path: StoredPath, stored: StoredLog) -> Iterator[LogUpdate]:
    """Make the file say just what the block tells: touched only if it must be, and when the block ends well.

    What is there is appended to where it may stay. A shipper that tails the file keeps its place in it through an
    append; a replaced file it reads anew, and may: it is as readable as the one before. On an object store nothing can
    be appended to, and nothing is replaced but what is known to be stored.
    """
    with ExitStack() as closing:
        update = LogFile(path, closing) if is_local(path) else LogObject(path, stored, closing)
        yield update
        update.finish()


class LogUpdate(Protocol):
    """What a log is to say, block by block, beside what it says."""

    def add(self, block: pa.Buffer) -> None:
        """Tell the lines that follow."""

    def settle(self) -> None:
        """Let what was told reach the disk, while there is other work to be done before the file is finished."""

    def finish(self) -> None:
        """Bring the file to what was told, if it is not that already."""

    @property
    def written(self) -> Written: ...


class LogObject:
    """A log on an object store: replaced as a whole, as the one that is known, where it is to say something else."""

    def __init__(self, path: UPath, stored: StoredLog, closing: ExitStack) -> None:
        self._path = path
        self._stored = stored
        spool = TemporaryFile()  # noqa: SIM115 - closed with the others
        self._new = closing.enter_context(spool)
        self._digest = Digest()
        self._change = Change.UNCHANGED

    def add(self, block: pa.Buffer) -> None:
        self._new.write(block)
        self._digest.update(block)

    def settle(self) -> None: ...

    def finish(self) -> None:
        if self._digest.hexdigest() == self._stored.sha256:
            return
        self._change = Change.CREATED if self._stored.version.tag == ABSENT else Change.REPLACED
        self._new.seek(0)
        version = self._stored.version
        version.tag = write_if(self._path, self._new.read(), version.tag)

    @property
    def written(self) -> Written:
        return Written(self._change, self._digest.size, self._digest.hexdigest())


class LogFile:
    """A log in a folder: appended to where it may stay."""

    def __init__(self, path: Path, closing: ExitStack) -> None:
        self._path = path
        self._closing = closing
        self._digest = Digest()
        self._change = Change.UNCHANGED
        self._there: IO[bytes] | None = None
        """The file that is there, as long as it says the same."""
        self._new: IO[bytes] | None = None
        """What is to stand in its place or behind it."""
        if path.exists():
            self._there = closing.enter_context(path.open("rb"))
        else:
            self._replace(Change.CREATED)

    def add(self, block: pa.Buffer) -> None:
        rest = memoryview(block).cast("B")
        there = self._there.read(len(rest)) if self._there else b""
        if self._there and there == rest:
            rest = rest[len(rest) :]
        elif self._there and there == rest[: len(there)]:
            spool = TemporaryFile(dir=self._path.parent)  # noqa: SIM115 - closed with the others
            self._new = self._closing.enter_context(spool)
            self._change, self._there = Change.APPENDED, None
            rest = rest[len(there) :]
        elif self._there:
            self._replace(Change.REPLACED)
        if self._new and len(rest):
            self._new.write(rest)
        self._digest.update(block)

    def settle(self) -> None:
        if self._new and self._change is not Change.APPENDED:
            with naming(self._path):
                self._new.flush()
                os.fsync(self._new.fileno())

    def finish(self) -> None:
        if self._there and self._there.read(1):
            self._replace(Change.REPLACED)
        if self._change is Change.APPENDED and self._new:
            self._new.seek(0)
            append(self._path, iter(partial(self._new.read, BLOCK), b""))

    @property
    def written(self) -> Written:
        return Written(self._change, self._digest.size, self._digest.hexdigest())

    def _replace(self, change: Change) -> None:
        self._change = change
        mode = mode_of(self._path) if change is Change.REPLACED else None
        self._new = self._closing.enter_context(publish(self._path, mode))
        if self._there:  # with what it said rightly; then it must be closed, or Windows will not have it replaced
            self._there.seek(0)
            for first in range(0, self._digest.size, BLOCK):
                self._new.write(self._there.read(min(BLOCK, self._digest.size - first)))
            self._there.close()
            self._there = None


def make_readable(log: Path, mode: int, top: Path) -> None:
    """Give a log this mode, and let whoever may read it pass the folders it lies in, from `top` on."""
    set_mode(log, mode)
    for folder in log.parents:
        if folder.is_relative_to(top):
            set_mode(folder, mode | (mode & 0o444) >> 2)  # who reads a folder passes it, too


def says(path: StoredPath, blocks: Iterable[pa.Buffer]) -> bool:
    """Return whether the file holds these lines, or the beginning of them, as a killed process may have left it."""
    try:
        with opened(path) as file:
            for block in blocks:
                there = file.read(len(block))
                if there != memoryview(block).cast("B")[: len(there)]:
                    return False
                if len(there) < len(block):
                    return True
            return not file.read(1)
    except FileNotFoundError:
        return False
