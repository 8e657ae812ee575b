"""Digests worked out beside the writing: hashing an hour takes as long as compressing it, on another processor."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa


class Digest:
    """SHA-256 of blocks one after the other."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._worker = ThreadPoolExecutor(1, "digest")

    def update(self, block: pa.Buffer) -> None:
        """The block must stay as it is."""
        self._worker.submit(self._sha256.update, block)

    def hexdigest(self) -> str:
        """Of all that was told; nothing more may be."""
        self._worker.shutdown()
        return self._sha256.hexdigest()
