"""SHA-256 of files, and of what is being written to them."""

from __future__ import annotations

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Final

import pyarrow as pa

from mailevents_dagster.files.atomic import opened
from mailevents_dagster.files.objects import Version
from mailevents_dagster.files.stored_path import StoredPath

BLOCK: Final = 2**20
WAITING: Final = 4 * 2**20
"""Bytes that wait to be hashed; whoever brings more of them waits, too."""


def digest_of(path: StoredPath, version: Version | None = None) -> str | None:
    """Return the SHA-256 of a file's content, or None where there is no file."""
    try:
        with opened(path, version) as file:
            return digest_of_file(file)
    except FileNotFoundError:
        return None


def digest_of_file(file: IO[bytes]) -> str:
    """Return the SHA-256 of what is left of an open file."""
    digest = hashlib.sha256()
    while block := file.read(BLOCK):
        digest.update(block)
    return digest.hexdigest()


class Digest:
    """SHA-256 and size of blocks one after the other.

    Hashing an hour takes as long as compressing it, so it is done by another processor.
    """

    def __init__(self) -> None:
        self.size = 0
        self._sha256 = hashlib.sha256()
        self._worker = ThreadPoolExecutor(1, "digest")
        self._last: Future[None] | None = None
        self._waiting = 0

    def update(self, block: pa.Buffer | bytes) -> None:
        """Add a block, which must stay as it is."""
        self.size += len(block)
        if self._last and self._waiting + len(block) > WAITING:
            self._last.result()
            self._waiting = 0
        self._last = self._worker.submit(self._sha256.update, block)
        self._waiting += len(block)

    def hexdigest(self) -> str:
        """Return the digest of all blocks; none may be added afterwards."""
        self._worker.shutdown()
        return self._sha256.hexdigest()
