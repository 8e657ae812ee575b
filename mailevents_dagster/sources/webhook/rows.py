"""What the store needs to know of an event that a webhook told: its record is JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from hashlib import blake2b
from typing import Any, Final

from mailevents_dagster.files.json_text import one_line
from mailevents_dagster.model.columns import RowFormat
from mailevents_dagster.model.event import Detail, Event
from mailevents_dagster.sources.json_records import arrays_of, event_reader, read
from mailevents_dagster.sources.webhook.columns import COLUMNS
from mailevents_dagster.sources.webhook.providers.provider import Told

_NEEDED: Final = frozenset({"time", "id"})
_WITH_COLUMNS: Final = frozenset(column.name for column in COLUMNS)


def record_of(
    told: Told, received: float, blob: str | None, size: int | None, attachments: Sequence[Mapping[str, object]]
) -> dict[str, object]:
    """Return the record of an event: its columns, and behind them all that the provider said."""
    return {
        "time": int(received if told.time is None else told.time),
        "id": _clean(told.id),
        "received": received,
        **{name: _clean(value) for name, value in told.fields.items()},
        "blob": blob,
        "size": told.fields.get("size") if size is None else size,
        "attachments": _clean(attachments),
        "blobs": [blob] if blob else [one["sha256"] for one in attachments],
        "said": told.said,
    }


def _clean(value: object) -> object:
    """Return a value without halves of characters, which JSON may hold and columns may not."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        return {name: _clean(one) for name, one in value.items()}
    return [_clean(one) for one in value] if isinstance(value, list | tuple) else value


def identity_of(id_: str) -> bytes:
    """Return the digest by which an event is known again."""
    return blake2b(id_.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def webhook_event(record: Mapping[str, Any]) -> Event:
    """Return the event of a record. What is sent again is the same, also where the provider says it in other words."""
    identity = identity_of(record["id"])
    fields = {name: record.get(name) for name in _WITH_COLUMNS}
    return Event(record["time"], identity, identity, Detail.WHOLE, one_line(record), fields)


WEBHOOK_ROWS: Final = RowFormat(
    COLUMNS,
    partial(read, COLUMNS),
    event_reader(_NEEDED, webhook_event),
    lambda _: None,
    arrays=partial(arrays_of, COLUMNS),
    id_column="id",
    outcome_column="kind",
    blob_column="blobs",
)
