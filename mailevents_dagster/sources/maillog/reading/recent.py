"""Blocks that were scanned last, kept in memory for the other hours of a run."""

from __future__ import annotations

from collections import deque

from mailevents_dagster.sources.maillog.reading.lines import Block


class RecentBlocks:
    """Blocks of files up to so many bytes; the oldest go first."""

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._held = 0
        self._blocks: deque[tuple[str, Block]] = deque()

    def add(self, file: str, block: Block) -> None:
        self._blocks.append((file, block))
        self._held += block.bytes_held
        while self._held > self._memory:
            self._held -= self._blocks.popleft()[1].bytes_held

    def block(self, file: str, at: int) -> Block | None:
        """Return the block of the file that holds this byte, if it is here."""
        return next((block for name, block in self._blocks if name == file and block.first <= at < block.end), None)

    def forget(self, file: str) -> None:
        """Drop the blocks of a file that no longer holds what it did."""
        kept = [(name, block) for name, block in self._blocks if name != file]
        self._blocks = deque(kept)
        self._held = sum(block.bytes_held for _, block in kept)
