"""Blobs: whole messages as they came, each kept once under the SHA-256 of its content.

A message is packed with zstd where that makes it smaller, a block at a time: each block is a frame of its own, which
every program that reads zstd takes as one file.
"""

from __future__ import annotations

import errno
import hashlib
import io
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final

import pyarrow as pa

from mailevents_dagster.files.atomic import opened, unnamed
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.files.stored_path import StoredPath, is_local
from mailevents_dagster.sharing.locks import GetLocks
from mailevents_dagster.store.layout import Layout
from mailevents_dagster.store.lock_names import blob_lock

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

PLAIN: Final = ".eml"
PACKED: Final = ".eml.zst"
SUFFIXES: Final = (PACKED, PLAIN)
BLOCK: Final = 2**20
LEVEL: Final = 3
WORTH: Final = 0.95
"""The first block decides: a message is packed if that is smaller then by a twentieth. Base64 loses a quarter."""

KEPT: Final = 86_400
"""Seconds for which a blob is kept after it was written, whoever names it: an hour that is being collected may."""

GONE: Final = "are gone"
DAMAGED: Final = "are damaged"
UNREADABLE: Final = "cannot be read"
_RESTORE: Final = "Restore these files from a copy of the storage, or"
_AGAIN: Final = "materialize the hour again: what the source still has is fetched."
TO_DO: Final = {
    GONE: f"{_RESTORE} {_AGAIN}",
    DAMAGED: f"{_RESTORE} delete them and {_AGAIN}",
    UNREADABLE: "Look at the rights of these files, and at the disk.",
}
"""What can be wrong with blobs, and what to do."""


class NewBlob:
    """A blob that is being written."""

    def __init__(self, file: IO[bytes]) -> None:
        self.size = 0
        """Bytes so far, not packed."""
        self.suffix: str | None = None
        """How it is kept, as soon as that is decided."""
        self._file = file
        self._digest = hashlib.sha256()
        self._block = bytearray()
        self._codec = pa.Codec("zstd", compression_level=LEVEL)

    @property
    def sha256(self) -> str:
        """The digest of all that was written so far; no other blob has it."""
        return self._digest.hexdigest()

    def write(self, data: ReadableBuffer, /) -> int:
        view = memoryview(data).cast("B")
        self._digest.update(view)
        self.size += len(view)
        written = 0
        while written < len(view):
            part = view[written : written + BLOCK - len(self._block)]
            self._block += part
            written += len(part)
            if len(self._block) == BLOCK:
                self._put()
        return written

    def finish(self) -> None:
        """Hand on what is left; nothing is written afterwards."""
        if self._block or self.suffix is None:
            self._put()

    def _put(self) -> None:
        block = bytes(self._block)
        self._block.clear()
        if self.suffix != PLAIN:
            packed = self._codec.compress(block, asbytes=True)
            if self.suffix is None:
                self.suffix = PACKED if len(packed) < WORTH * len(block) else PLAIN
        self._file.write(packed if self.suffix == PACKED else block)


class Blobs:
    """The blobs below one storage. Threads and processes may write and read at once."""

    def __init__(self, layout: Layout, locks: GetLocks) -> None:
        self._layout = layout
        self._locks = locks

    @contextmanager
    def new(self) -> Iterator[NewBlob]:
        """Yield a blob to write to: durable under its digest when the block ends well, and not there otherwise.

        One that is there already is replaced, so that damage to it is mended.
        """
        with unnamed(self._layout.blobs) as partial:
            blob = NewBlob(partial.file)
            yield blob
            blob.finish()
            partial.settle()
            path, name = self._layout.blob(blob.sha256, blob.suffix or PLAIN), blob_lock(blob.sha256)
            with self._locks().briefly(name):
                is_new = partial.create(path)  # nobody is about to remove what was not there
            if not is_new:
                with self._locks().holding(name):
                    partial.publish(path)

    def open(self, sha256: str) -> IO[bytes]:
        """Return the message, to be read forward.

        DamagedError where it is gone; and at the latest at its end where it is not what was written.
        """
        path = self.path(sha256)
        if path is None:
            raise DamagedError(f"{self._layout.blob(sha256, PLAIN)} is gone, and so is {PACKED}")
        return io.BufferedReader(_Reader(path, sha256), BLOCK)

    def path(self, sha256: str) -> StoredPath | None:
        """Return the file of a blob, None where there is none."""
        paths = (self._layout.blob(sha256, suffix) for suffix in SUFFIXES)
        return next((path for path in paths if path.exists()), None)

    def renewed(self, sha256: str) -> bool:
        """Return whether a blob is there; one that was written long ago is written anew first.

        So nobody removes it while an hour that is to name it is collected.
        """
        written = (written_at(self._layout.blob(sha256, suffix)) for suffix in SUFFIXES)
        at = next((at for at in written if at is not None), None)
        if at is not None and time.time() - at >= KEPT / 2:
            try:
                with self.open(sha256) as old, self.new() as new:
                    shutil.copyfileobj(old, new, BLOCK)
            except DamagedError:
                return False
        return at is not None

    def missing(self, digests: Iterable[str]) -> set[str]:
        """Return those that are not there. None is read."""
        return {sha256 for sha256 in digests if self.path(sha256) is None}

    def fault(self, sha256: str) -> str:
        """Read a blob to its end and say what is wrong with it, as TO_DO has it; nothing where it is whole."""
        if self.path(sha256) is None:
            return GONE
        try:
            with self.open(sha256) as file:
                while file.read(BLOCK):
                    pass
        except DamagedError:
            return DAMAGED
        except OSError as error:
            return UNREADABLE if error.errno != errno.ENOENT else GONE
        return ""


def written_at(path: StoredPath) -> float | None:
    """Return when a blob was written, None where it is not there."""
    try:
        at: float = path.stat().st_mtime if is_local(path) else path.fs.modified(path.path).timestamp()
    except FileNotFoundError:
        return None
    return at


class _Reader(io.RawIOBase):
    """A blob that is unpacked and proven while it is read."""

    def __init__(self, path: StoredPath, sha256: str) -> None:
        self._path = path
        self._sha256 = sha256
        self._digest = hashlib.sha256()
        self._file: IO[bytes] = opened(path)
        is_packed = path.name.endswith(PACKED)
        self._content = pa.CompressedInputStream(self._file, "zstd") if is_packed else self._file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        try:
            data: bytes = self._content.read(len(view))
        except OSError as error:
            if error.errno is not None:
                raise  # the disk's, not the file's
            raise DamagedError(f"{self._path} is not as it was written: {error}") from error
        view[: len(data)] = data
        self._digest.update(data)
        if not data and self._digest.hexdigest() != self._sha256:
            raise DamagedError(f"{self._path} is not as it was written: its content does not match its name")
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._content.close()
            self._file.close()
        super().close()


def blob_faults(blobs: Blobs, names: Iterable[str]) -> Iterator[tuple[str, str, list[str]]]:
    """Read blobs to their ends; yield what is wrong with some, what to do about it, and which these are."""
    found: dict[str, list[str]] = {}
    for name in names:
        if fault := blobs.fault(name):
            found.setdefault(fault, []).append(name)
    for fault, faulty in found.items():
        yield fault, TO_DO[fault], faulty
