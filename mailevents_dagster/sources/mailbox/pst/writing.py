"""Mails on their way from a PST into blobs: libpff reads for one thread, the disk is waited for by others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from threading import Lock
from typing import Final

from mailevents_dagster.sources.mailbox.pst.composing import composed
from mailevents_dagster.sources.mailbox.pst.library import Item
from mailevents_dagster.sources.messages.message import Message
from mailevents_dagster.sources.messages.reading import read_message
from mailevents_dagster.store.blobs import Blobs, NewBlob

AT_A_TIME: Final = 8
"""Mails that wait for the disk side by side."""
HELD: Final = 2**20
"""Bytes of a mail that are held while it waits; a longer one is streamed, and nothing else is read meanwhile."""


@dataclass(frozen=True, slots=True)
class Written:
    """A mail in its blob, and what it says of itself."""

    message: Message
    sha256: str
    size: int


class Writing:
    """Writes mails to blobs, several at a time."""

    def __init__(self, blobs: Blobs) -> None:
        self.blobs = blobs
        self.reading = Lock()
        """Held while something is read from the file."""
        self._pool = ThreadPoolExecutor(AT_A_TIME, "blobs")

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def write(self, item: Item, codepage: int, fault: Callable[[str], object]) -> Future[Written]:
        """Begin to write an item as a mail. When this returns the item is read, and may be closed."""
        chunks = composed(item, codepage, fault)
        held: list[bytes] = []
        size = 0
        for chunk in chunks:
            held.append(chunk)
            size += len(chunk)
            if size > HELD:
                done: Future[Written] = Future()
                done.set_result(self._written(chain(held, chunks)))
                return done
        return self._pool.submit(self._written, held)

    def _written(self, chunks: Iterable[bytes]) -> Written:
        with self.blobs.new() as blob:
            message = read_message(_kept(chunks, blob))
        return Written(message, blob.sha256, blob.size)


def _kept(chunks: Iterable[bytes], blob: NewBlob) -> Iterator[bytes]:
    for chunk in chunks:
        blob.write(chunk)
        yield chunk
