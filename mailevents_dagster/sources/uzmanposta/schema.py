"""The typed columns of each category, and how the values of a raw record become theirs. Pure.

Most fields of the API are assumed, not documented. So a value of another type than expected is converted if that loses
nothing, and becomes null otherwise; nothing in a record raises an error here. The store keeps the whole record beside
these columns, so nothing is lost by a null.

| column | takes | null for |
| --- | --- | --- |
| text | text; numbers, booleans and nested values as their JSON text | null, nesting too deep for JSON text |
| int64 | integers, integral floats, numerals in text | booleans, fractions, more than 64 bits, anything else |
| float64 | numbers, numerals in text | booleans, NaN, infinities, anything else |
| time | what int64 takes, from 1970 to the end of 9999 | anything else, such as most milliseconds |
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import pyarrow as pa

from mailevents_dagster.files.json_text import one_line
from mailevents_dagster.model.columns import Column

LAST_SECOND: Final = 253_402_300_799
"""The last second of the year 9999, where datetime ends, and so do Python's readers."""

_TEXT: Final = pa.string()
_INTEGER: Final = pa.int64()
_REAL: Final = pa.float64()
_TIME: Final = pa.timestamp("ms", tz="UTC")
"""Parquet has no seconds: this is what a file gives back."""

_INTEGRAL: Final = re.compile(r"\s*([+-]?[0-9]{1,30})(?:\.0*)?\s*")
_NUMERAL: Final = re.compile(r"\s*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_ESCAPED_SURROGATE: Final = re.compile(r"(\\\\)|\\ud[89a-f][0-9a-f]{2}")
_REPLACEMENT: Final = "\ufffd"

FIELDS: Final = {"record_domain": "domain", "record_type": "type"}
"""Fields by their columns, where the two differ: the field's own name is that of a folder of the tree."""

_QUEUE_ID: Final = Column("queue_id", _TEXT, "Id of the mail in the server's queue; ids are used again after a while.")
_MAILFROM: Final = Column("mailfrom", _TEXT, "Sender address of the SMTP envelope (MAIL FROM).")
_SUBJECT: Final = Column("subject", _TEXT, "Subject of the mail.")
_SIZE: Final = Column("size", _INTEGER, "Size of the mail in bytes.")
_SRCIP: Final = Column("srcip", _TEXT, "IP address that the mail or the sign-in came from.")
_SRCLOCATION: Final = Column("srclocation", _TEXT, "Where the source address is located, as the vendor names it.")

RECIPIENT_COLUMNS: Final = (
    Column("mailto", _TEXT, "Address of this recipient."),
    Column("status", _TEXT, "What became of the mail for this recipient."),
    Column("status_code", _TEXT, "Code of the status, as text."),
    Column("status_string", _TEXT, "Answer of the receiving server, or the reason for the status."),
    Column("action", _TEXT, "What the vendor's system did with the mail for this recipient."),
    Column("dstip", _TEXT, "IP address of the server the mail was handed to."),
    Column("time", _TIME, "When this recipient's status was recorded."),
)
"""The fields of one entry of `recipients`."""

_RECIPIENT: Final = pa.struct([column.field for column in RECIPIENT_COLUMNS])
_RECIPIENTS: Final = Column(
    "recipients",
    pa.list_(_RECIPIENT),
    "Every recipient of the mail with its outcome; null where the record names none, not even an empty list.",
)
_RECIPIENT_COUNT: Final = Column(
    "recipient_count", pa.int32(), "Number of entries in recipients; null where recipients is null."
)

COLUMNS: Final[Mapping[str, tuple[Column, ...]]] = MappingProxyType(
    {
        "mail": (
            _QUEUE_ID,
            Column("message_id", _TEXT, "Message-ID header of the mail."),
            Column("record_domain", _TEXT, "Domain of the account, as the record gives it."),
            Column("direction", _TEXT, "Whether the mail came in or went out."),
            Column("sender", _TEXT, "Sender of the mail as the vendor shows it."),
            _MAILFROM,
            Column("headerfrom", _TEXT, "Sender address of the From header, which may differ from the envelope's."),
            _SUBJECT,
            _SIZE,
            _SRCIP,
            _SRCLOCATION,
            Column("tag", _TEXT, "Label that the vendor's filters gave the mail."),
            _RECIPIENTS,
            _RECIPIENT_COUNT,
        ),
        "quarantine": (
            _QUEUE_ID,
            Column("record_type", _TEXT, "Kind of the entry as the record gives it, such as quarantine or hold."),
            _MAILFROM,
            Column("mailto", _TEXT, "Recipient address of the mail; several as a JSON list."),
            _SUBJECT,
            Column("reason", _TEXT, "Why the mail was kept back."),
            Column("score", _REAL, "Spam score of the mail."),
            _SIZE,
            _SRCIP,
        ),
        "authentication": (
            Column("email", _TEXT, "Mailbox that somebody signed in to, or tried to."),
            Column("service", _TEXT, "Service signed in to, such as imap, smtp or webmail."),
            _SRCIP,
            _SRCLOCATION,
            Column("status", _TEXT, "Outcome of the sign-in."),
        ),
    }
)
"""The typed columns of each category; the event's time and the whole record are the store's to add."""


_FIELDS_OF: Final = {
    category: {FIELDS.get(column.name, column.name) for column in columns} for category, columns in COLUMNS.items()
}


def typed_fields(category: str, record: object) -> Mapping[str, object]:
    """Return the fields that have columns: a detail holds ten times as much, too much to keep of many mails."""
    fields = _FIELDS_OF[category]
    return {name: record[name] for name in record.keys() & fields} if isinstance(record, dict) else {}


def typed_arrays(category: str, records: Sequence[Mapping[str, object]]) -> list[pa.Array]:
    """Return the records as one array per column, in the order of COLUMNS.

    An Arrow array holds at most 2 GiB of text: a caller with more than that passes its records in parts.
    """
    recipients = [_recipients(record) for record in records] if category == "mail" else []
    arrays = []
    for column in COLUMNS[category]:
        if column is _RECIPIENTS:
            arrays.append(_recipient_lists(recipients))
        elif column is _RECIPIENT_COUNT:
            counts = [None if entries is None else len(entries) for entries in recipients]
            arrays.append(pa.array(counts, column.type))
        else:
            arrays.append(_array(column, records))
    return arrays


def record_time(category: str, record: Mapping[str, object]) -> int | None:
    """Return the record's own time in Unix seconds, or None if it has none that can be read."""
    if category == "mail":
        entries = record.get("recipients")
        first = entries[0] if isinstance(entries, list) and entries else entries
        values = [first.get("time") if isinstance(first, dict) else None, record.get("time")]
    else:
        values = [record.get(name) for name in ("time", "timestamp", "starttime")]
    return next((time for time in map(_seconds, values) if time is not None), None)


def typed_value(column: Column, value: object) -> object:
    """Return the value as its column holds it, None if it cannot; not for nested columns."""
    return _CONVERTERS[column.type](value)


def _recipients(record: Mapping[str, object]) -> list[Mapping[str, object]] | None:
    """Return the entries of `recipients`; a single object counts as a list of one.

    An entry that is not an object becomes one without fields, not null: the count stays true, and whoever walks the
    list meets a struct each time.
    """
    entries = record.get("recipients")
    if isinstance(entries, dict):
        return [entries]
    if not isinstance(entries, list):
        return None
    return [entry if isinstance(entry, dict) else {} for entry in entries]


def _recipient_lists(lists: Sequence[Sequence[Mapping[str, object]] | None]) -> pa.Array:
    offsets = [0]
    entries: list[Mapping[str, object]] = []
    for part in lists:
        entries.extend(part or ())
        offsets.append(len(entries))
    structs = pa.StructArray.from_arrays(
        [_array(column, entries) for column in RECIPIENT_COLUMNS], fields=list(_RECIPIENT)
    )
    return pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32()),
        structs,
        type=_RECIPIENTS.type,
        mask=pa.array([part is None for part in lists], pa.bool_()),
    )


def _array(column: Column, records: Sequence[Mapping[str, object]]) -> pa.Array:
    name = FIELDS.get(column.name, column.name)
    values = [record.get(name) for record in records]
    if column.type == _TEXT and set(map(type, values)) <= {str, type(None)}:
        try:
            return pa.array(values, _TEXT)
        except UnicodeEncodeError:  # a lone surrogate, which UTF-8 does not have
            pass
    convert = _CONVERTERS[column.type]
    return pa.array([None if value is None else convert(value) for value in values], column.type)


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return _SURROGATE.sub(_REPLACEMENT, value)
    try:
        text = one_line(value).decode()
    except (ValueError, RecursionError):  # integers beyond 4,300 digits; nesting beyond the interpreter's limit
        return None
    # JSON allows escaped lone surrogates, but JSON functions of databases refuse the whole text for one.
    return _ESCAPED_SURROGATE.sub(lambda found: found[1] or _REPLACEMENT, text)


def _whole(value: object) -> int | None:
    if isinstance(value, str):
        if found := _INTEGRAL.fullmatch(value):
            return int(found[1])
        value = _real(value)
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _int64(value: object) -> int | None:
    whole = _whole(value)
    return whole if whole is not None and -(2**63) <= whole < 2**63 else None


def _real(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, str) and not _NUMERAL.fullmatch(value):
        return None
    try:
        real = float(value)
    except OverflowError:  # an integer beyond 1.8e308
        return None
    return real if math.isfinite(real) else None


def _seconds(value: object) -> int | None:
    # Nearly every time is a plain integer; `type`, since a boolean is an int as well.
    whole = value if type(value) is int else _whole(value)
    return whole if whole is not None and 0 <= whole <= LAST_SECOND else None


def _milliseconds(value: object) -> int | None:
    seconds = _seconds(value)
    return None if seconds is None else seconds * 1000


_CONVERTERS: Final[Mapping[pa.DataType, Callable[[object], object]]] = {
    _TEXT: _text,
    _INTEGER: _int64,
    _REAL: _real,
    _TIME: _milliseconds,
}
