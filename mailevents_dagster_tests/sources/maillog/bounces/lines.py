"""Committed lines of a mail server's log, as the store hands them out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa

NOON: Final = datetime(2026, 11, 29, 12, tzinfo=UTC)
SCHEMA: Final = pa.schema(
    [
        ("event_time", pa.timestamp("ms", tz="UTC")),
        *((name, pa.string()) for name in ("event", "queue_id", "message_id", "sender", "recipient")),
        *((name, pa.string()) for name in ("original_recipient", "relay_host", "relay_address", "tls", "host")),
        *((name, pa.string()) for name in ("enhanced_code", "text", "raw")),
        ("code", pa.int16()),
        ("identity", pa.binary(16)),
    ]
)


def line(event: str, raw: str, **fields: object) -> dict[str, object]:
    identity = hashlib.blake2b(raw.encode(), digest_size=16).digest()
    return {"event_time": NOON, "event": event, "raw": raw, "identity": identity, **fields}


def table(lines: Sequence[Mapping[str, Any]]) -> pa.Table:
    columns = [
        pa.array([one.get(name) for one in lines], type_)
        for name, type_ in zip(SCHEMA.names, SCHEMA.types, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)
