"""What the store needs to know of the API's records: handed to it by category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final

import pyarrow as pa

from mailevents_dagster.files.json_text import NotJsonError, parse
from mailevents_dagster.model.columns import Fields, Marks, RowFormat
from mailevents_dagster.model.event import Detail, Event
from mailevents_dagster.sources.uzmanposta.field_names import DETAIL_FIELDS, compared, field_of
from mailevents_dagster.sources.uzmanposta.rows import row_of
from mailevents_dagster.sources.uzmanposta.schema import COLUMNS, typed_arrays, typed_fields

MARKS: Final[Mapping[str, tuple[str, ...]]] = {
    "mail": ("message_id", "sender", "mailfrom", "headerfrom", "subject"),
    "quarantine": ("mailfrom", "mailto", "subject"),
}
"""Fields beside the queue id that stay as they are while a mail is delivered or released."""

OUTCOME_COLUMNS: Final[Mapping[str, str]] = {"mail": "recipients.list.element.status", "authentication": "status"}
"""Where the outcome of an event stands; what is in quarantine has none yet."""

UNKNOWN_ROW: Final = bytes(16)
"""The digest of a listing row that is not known any more: no row has it, so the detail is fetched again."""


def _read(category: str, raws: pa.StringArray) -> Sequence[pa.Array]:
    return typed_arrays(category, [typed_fields(category, parse(raw)) for raw in raws.cast(pa.binary()).to_pylist()])


def _event_of(category: str, raw: bytes, time: int) -> Event:
    """What the detail of a mail adds to its row is known, so that the row is known again that it was fetched for."""
    record = parse(raw)
    if not isinstance(record, dict):
        raise NotJsonError("no JSON object")
    row = row_of(category, record)
    at = time if row.time is None else row.time
    if row.queue_id is None:
        return Event(at, row.identity, row.content, Detail.WHOLE, raw)
    listed = {name: value for name, value in record.items() if name not in DETAIL_FIELDS}
    detail = Detail.MISSING if len(listed) == len(record) else Detail.WHOLE
    return Event(at, row.identity, row_of(category, listed).content, detail, raw)


def _marks_of(category: str, raw: bytes) -> Marks | None:
    record = parse(raw) if category in MARKS else None
    if not isinstance(record, dict) or not record.get("queue_id"):
        return None
    others = {name: record[name] for name in MARKS[category] if record.get(name) is not None}
    return Marks(str(record["queue_id"]), others)


def _compare(category: str, raws: Sequence[bytes]) -> Fields:
    """Return how the fields of stored records differ from the columns; mails may have those of their details, too."""
    records = [record if isinstance(record, dict) else {} for record in map(parse, raws)]
    return compared(category, records, DETAIL_FIELDS if category == "mail" else ()) if records else Fields()


ROW_FORMATS: Final[Mapping[str, RowFormat]] = MappingProxyType(
    {
        category: RowFormat(
            columns,
            partial(_read, category),
            partial(_event_of, category),
            partial(_marks_of, category),
            arrays=partial(typed_arrays, category),
            compare=partial(_compare, category),
            fields={column.name: field_of(column) for column in columns},
            id_column="queue_id" if category == "mail" else None,
            outcome_column=OUTCOME_COLUMNS.get(category),
        )
        for category, columns in COLUMNS.items()
    }
)
