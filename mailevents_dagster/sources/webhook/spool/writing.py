"""Writing to spools: what arrives in one moment shares one fsync, and is acknowledged after it."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mailevents_dagster.files.atomic import make_folder, sync_folder
from mailevents_dagster.sources.webhook.spool.segments import next_segment, segments

SEGMENT_BYTES: Final = 2**24
SEGMENT_SECONDS: Final = 600.0
"""A segment goes as a whole, once all of it is committed: large or old ones are followed by another."""
TOGETHER_BYTES: Final = 2**26
"""Most that shares one fsync."""


class SpoolError(Exception):
    """A request could not be made durable; whoever sent it must send it again."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    name: str
    frame: bytes
    done: Future[None]


class SpoolWriter:
    """Adds to the spools of webhooks, by their names. A thread of its own writes and waits for the disk."""

    def __init__(self, folders: Mapping[str, Path], most_bytes: int, now: Callable[[], float] = time.time) -> None:
        """The files of a spool may hold so many bytes together; what does not fit is refused."""
        self._spools = {name: _Spool(folder, most_bytes, now) for name, folder in folders.items()}
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="spool", daemon=True)
        self._thread.start()

    def add(self, name: str, frame: bytes) -> Future[None]:
        """Return what is done once the frame is durable, or holds the SpoolError."""
        done = Future[None]()
        self._waiting.put(_Waiting(name, frame, done))
        return done

    def close(self) -> None:
        """Write what waits, and end."""
        self._waiting.put(None)
        self._thread.join()
        for spool in self._spools.values():
            spool.close()

    def _work(self) -> None:
        is_over = False
        while not is_over:
            group, is_over = self._next_group()
            by_name = defaultdict[str, list[_Waiting]](list)
            for one in group:
                by_name[one.name].append(one)
            for name, together in by_name.items():
                self._write(self._spools[name], together)

    def _next_group(self) -> tuple[list[_Waiting], bool]:
        """Return all that waits now, once anything does, and whether nothing comes after it."""
        group: list[_Waiting] = []
        size, one = 0, self._waiting.get()
        while one is not None:
            group.append(one)
            size += len(one.frame)
            if size >= TOGETHER_BYTES:
                return group, False
            try:
                one = self._waiting.get_nowait()
            except queue.Empty:
                return group, False
        return group, True

    def _write(self, spool: _Spool, together: Sequence[_Waiting]) -> None:
        awaited = [one for one in together if one.done.set_running_or_notify_cancel()]
        try:
            if awaited:
                spool.add([one.frame for one in awaited])
        except Exception as error:  # whatever it is, nobody may wait for ever
            for one in awaited:
                one.done.set_exception(SpoolError(str(error)))
        else:
            for one in awaited:
                one.done.set_result(None)


class _Spool:
    """The spool of one webhook, as its only writer has it."""

    def __init__(self, folder: Path, most_bytes: int, now: Callable[[], float]) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._now = now
        self._handle: int | None = None
        self._opened = 0.0
        self._size = 0
        """Of the segment, as far as it is durable."""
        self._others = sum(map(_size, segments(folder)))
        """Bytes of the other segments when they were last counted; fewer since some went."""

    def add(self, frames: Sequence[bytes]) -> None:
        """Write frames and wait for the disk. Where that fails, none of them counts."""
        size = sum(map(len, frames))
        self._make_room(size)
        if self._handle is not None and (self._size >= SEGMENT_BYTES or self._age >= SEGMENT_SECONDS):
            self.close()
        handle = self._open() if self._handle is None else self._handle
        try:
            _write_all(handle, b"".join(frames))
            os.fsync(handle)
        except OSError:
            # What the disk has of them is unknown: they are cut off, and the next go into another file.
            with suppress(OSError):
                os.ftruncate(handle, self._size)
            self.close()
            raise
        self._size += size

    @property
    def _age(self) -> float:
        return abs(self._now() - self._opened)

    def _make_room(self, size: int) -> None:
        if self._others + self._size + size > self._most_bytes:
            self._others = sum(_size(path) for path in segments(self._folder)) - self._size
        if self._others + self._size + size > self._most_bytes:
            raise SpoolError(
                f"{self._folder} holds {self._others + self._size:,} bytes that are not collected, and may hold no "
                f"more. See that its feed is collected, or raise receiver.max_spool_mb"
            )

    def _open(self) -> int:
        make_folder(self._folder)
        path = next_segment(self._folder, self._now())
        self._others += self._size
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            sync_folder(self._folder)
        except OSError:
            os.close(handle)
            raise
        self._handle, self._opened, self._size = handle, self._now(), 0
        return handle

    def close(self) -> None:
        if self._handle is not None:
            handle, self._handle = self._handle, None
            os.close(handle)


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # collected meanwhile
        return 0
