"""What tests of damaged hours share: mails with details, an hour of them, and harm done to its files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from mailevents_dagster.files.json_text import one_line
from mailevents_dagster.model.event import Detail, Event
from mailevents_dagster.sources.uzmanposta.formats import ROW_FORMATS
from mailevents_dagster.sources.uzmanposta.rows import row_of
from mailevents_dagster.sources.uzmanposta.simulator.records import with_detail
from mailevents_dagster.store.hour.index import index_of
from mailevents_dagster.store.hour.snapshot_columns import records_of, snapshot_batch
from mailevents_dagster.store.store import Store
from mailevents_dagster.store.verify import Severity, verify_hour
from mailevents_dagster_tests.conftest import INCOMING, NOON, START, collection, mail
from mailevents_dagster_tests.store.kept import assert_agrees_with_itself, commit, files, known, root

SETTLED: Final = frozenset({Detail.WHOLE, Detail.PURGED})

Harm = Callable[[bytes], bytes]


def detailed(second: int, subject: str = "", number: int = 0) -> Event:
    """A mail of the hour as a collection keeps it: the digests of its row beside its detail."""
    record = mail(START + second, f"Q{second}-{number}", subject=subject or f"şöyle {second}", size=1000 + second)
    row = row_of("mail", record)
    return Event(START + second, row.identity, row.content, Detail.WHOLE, one_line(with_detail(record)))


def undetailed(second: int, detail: Detail) -> Event:
    """A mail whose detail could not be had: its row stands in the place."""
    record = mail(START + second, f"U{second}", subject="no detail")
    row = row_of("mail", record)
    return Event(START + second, row.identity, row.content, detail, row.raw)


MAILS: Final = [detailed(0), detailed(5), detailed(5, number=1), detailed(90), detailed(3599)]


@dataclass(frozen=True, slots=True)
class Damaged:
    """An hour that is damaged, mended and put back as it was, again and again."""

    store: Store
    events: Sequence[Event]
    content: dict[str, bytes]

    @classmethod
    def commit(cls, store: Store, events: Sequence[Event]) -> Damaged:
        commit(store, events)
        return cls(store, events, {name: (root(store) / name).read_bytes() for name in files(store)})

    def harm(self, name: str, *changes: Harm) -> None:
        content = self.content[name]
        for change in changes:
            content = change(content)
        (root(self.store) / name).write_bytes(content)

    def restore(self) -> None:
        """Puts each file back as it was and removes what was set aside."""
        for name in files(self.store):
            if name not in self.content:
                (root(self.store) / name).unlink()
        for name, content in self.content.items():
            (root(self.store) / name).write_bytes(content)

    def wanted_again(self) -> int:
        """How many details are asked for when the source shows the same rows again."""
        with self.store.open_hour(INCOMING, NOON) as work:
            return work.places([(one.identity, one.listing) for one in self.events], SETTLED).count(None)

    def collect(self, found: Sequence[Event] | None = None) -> list[str]:
        """Collects the hour again, in which the source shows this; returns what was noted."""
        with self.store.open_hour(INCOMING, NOON) as work:
            work.commit(collection(self.events if found is None else found))
            return work.notes

    def assert_whole(self, events: Sequence[Event] | None = None, *, or_doubtful: bool = False) -> None:
        """The hour holds just these events, each once and in order, with the columns that follow from them.

        Or it holds damaged records beside, which nothing proves wrong: they are owed.
        """
        expected = by_content(self.events if events is None else events)
        found = by_content(assert_agrees_with_itself(self.store))
        if or_doubtful:
            found = [one for one in found if one in expected or not one.detail.is_owed]
        assert found == expected
        assert table_of(self.store).equals(pa.Table.from_batches([batch_of(known(self.store))]))
        assert not [one for one in verify_hour(self.store, INCOMING, NOON).findings if one.severity is Severity.DAMAGE]


def by_content(events: Sequence[Event]) -> list[Event]:
    return sorted((replace(one, fields=None) for one in events), key=lambda one: (one.time, one.raw))


def batch_of(events: Sequence[Event]) -> pa.RecordBatch:
    """The events as a snapshot holds them."""
    rows = ROW_FORMATS["mail"]
    return snapshot_batch(index_of(events), records_of(events, rows), rows)


def table_of(store: Store) -> pa.Table:
    return pq.read_table(Path(str(store.layout.snapshot(INCOMING, NOON))), partitioning=None).combine_chunks()


def flipped(place: int, bit: int) -> Harm:
    """One bit is another; a place beyond the end counts from the beginning again."""

    def change(content: bytes) -> bytes:
        at = place % len(content)
        return content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]

    return change


def cut(part: float) -> Harm:
    """Only so much of it is left."""
    return lambda content: content[: int(len(content) * part)]


def zeros(content: bytes) -> bytes:
    """What some file systems leave of a file after a power cut."""
    return bytes(len(content))
