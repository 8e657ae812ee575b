"""The records of the API: a row of a listing, with all that a collection needs of it, and the full record of a mail."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from mailevents_dagster.files.json_text import canonical, one_line, parse
from mailevents_dagster.model.event import Event
from mailevents_dagster.sources.uzmanposta.schema import record_time, typed_fields


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a listing."""

    time: int | None
    identity: bytes
    """What tells it from other records: for a mail its queue id and time, since ids are reused; else its content."""
    content: bytes
    """Digest of all that the row says."""
    queue_id: str | None
    """None if there is no detail: not a mail, or a mail rejected before it was queued."""
    raw: bytes
    fields: Mapping[str, object] = field(compare=False, repr=False)
    """Those of its fields that have columns."""

    @property
    def version(self) -> tuple[bytes, bytes]:
        """The record as it is now: a detail fetched for one version does not count for the next."""
        return self.identity, self.content


class Record(NamedTuple):
    """The full record of a mail."""

    raw: bytes
    fields: Mapping[str, object]
    """Those of its fields that have columns."""
    names: frozenset[str]
    """The names of all its fields."""


def with_row(record: Record, row: Row) -> Record:
    """Return the record of a mail with the fields that only its row of the listing has."""
    said = parse(row.raw)
    only = {name: value for name, value in said.items() if name not in record.names} if isinstance(said, dict) else {}
    whole = parse(record.raw) if only else None
    if not isinstance(whole, dict):
        return record
    both = {**whole, **only}
    return Record(one_line(both), typed_fields("mail", both), frozenset(both))


def row_of(category: str, record: Mapping[str, object]) -> Row:
    time = record_time(category, record)
    content = _digest(canonical(record))
    queue_id = record.get("queue_id") if category == "mail" else None
    return Row(
        time=time,
        identity=_digest(canonical([str(queue_id), time])) if queue_id else content,
        content=content,
        queue_id=str(queue_id) if queue_id and record.get("recipients") else None,
        raw=one_line(record),
        fields=typed_fields(category, record),
    )


def row_of_event(event: Event) -> Row:
    """Return the row of a stored mail, with the identity and digest that are stored."""
    record = parse(event.raw)
    row = row_of("mail", record if isinstance(record, dict) else {})
    return replace(row, identity=event.identity, content=event.listing)


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()
