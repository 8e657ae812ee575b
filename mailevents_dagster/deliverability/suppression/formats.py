"""The list as files: for people and programs, and as SES, SendGrid and Mailgun take it in. Written entry by entry."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from email.utils import format_datetime
from typing import IO, Final

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from mailevents_dagster.deliverability.addresses import safe_address, safe_cell
from mailevents_dagster.deliverability.suppression.entries import Entry, facts_of
from mailevents_dagster.deliverability.suppression.evidence import moment
from mailevents_dagster.deliverability.suppression.ledger import COMPLAINT, HARD, MANUAL, SOFT, UNSUBSCRIBED

AT_ONCE: Final = 10_000
"""Entries in a row group."""
SCHEMA: Final = pa.schema(
    [
        *((name, pa.string()) for name in ("address", "reason")),
        ("reasons", pa.list_(pa.string())),
        *((name, pa.timestamp("ms", tz="UTC")) for name in ("since", "until")),
        ("rule", pa.string()),
        ("code", pa.int16()),
        *((name, pa.string()) for name in ("enhanced_code", "text", "feed", "event_id")),
        ("flags", pa.list_(pa.string())),
    ]
)


def belongs(entry: Entry, form: str) -> bool:
    """Return whether an entry belongs into a provider's file: Mailgun has a list for each of three reasons."""
    own = {"mailgun-complaints": {COMPLAINT}, "mailgun-unsubscribes": {UNSUBSCRIBED}, "mailgun": {HARD, SOFT, MANUAL}}
    return form not in own or entry.reason in own[form]


def write(out: IO[bytes], form: str, entries: Iterable[Entry], key: bytes | None = None) -> None:
    """Write the list in a form. With a key, addresses are hashed; providers know no hashes."""
    if form == "parquet":
        _write_parquet(out, (facts_of(one, key) for one in entries))
        return
    pieces = {"csv": lambda: _csv(entries, key), "json": lambda: _json(entries, key), "ses-json": lambda: _ses(entries)}
    out.writelines(pieces.get(form, lambda: _for_provider(form, entries))())


def _write_parquet(out: IO[bytes], facts: Iterable[dict[str, object]]) -> None:
    with pq.ParquetWriter(out, SCHEMA, compression="zstd") as writer:
        rows: list[dict[str, object]] = []
        for one in facts:
            rows.append(one)
            if len(rows) == AT_ONCE:
                writer.write_table(pa.Table.from_pylist(rows, SCHEMA))
                rows = []
        writer.write_table(pa.Table.from_pylist(rows, SCHEMA))


def _csv(entries: Iterable[Entry], key: bytes | None) -> Iterator[bytes]:
    yield _row(SCHEMA.names)
    for entry in entries:
        facts = facts_of(entry, key)
        address = str(facts.pop("address"))
        yield _row([safe_address(address), *map(_cell, facts.values())])


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    text = "; ".join(value) if isinstance(value, list) else "" if value is None else str(value)
    return safe_cell(text)


def _row(cells: Iterable[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue().encode("utf-8", "replace")


def _json(entries: Iterable[Entry], key: bytes | None) -> Iterator[bytes]:
    """Yield one array with an entry a line, which can be read as a whole or line by line."""
    begin = b"[\n"
    for entry in entries:
        yield begin + orjson.dumps(facts_of(entry, key))
        begin = b",\n"
    yield b"[]\n" if begin == b"[\n" else b"\n]\n"


def _ses(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Yield lines for SES's import job with DataFormat JSON."""
    for one in entries:
        yield orjson.dumps({"emailAddress": one.address, "reason": _ses_reason(one)}) + b"\n"


def _ses_reason(entry: Entry) -> str:
    """Return the reason as SES has it, which knows no other two."""
    return "COMPLAINT" if entry.reason in (COMPLAINT, UNSUBSCRIBED) else "BOUNCE"


def _for_provider(form: str, entries: Iterable[Entry]) -> Iterator[bytes]:
    """Yield the rows of a provider's CSV file, with its header where it has one."""
    headers = {
        "sendgrid": ("email",),
        "mailgun": ("address", "code", "error", "created_at"),
        "mailgun-complaints": ("address", "created_at"),
        "mailgun-unsubscribes": ("address", "tags", "created_at"),
    }
    if form in headers:
        yield _row(headers[form])
    for one in entries:
        address, created = safe_address(one.address), format_datetime(moment(one.evidence.at))
        facts = one.evidence
        cells: dict[str, tuple[str, ...]] = {
            "ses": (address, _ses_reason(one)),
            "sendgrid": (address,),
            "mailgun": (address, str(facts.code or ""), safe_cell(facts.text or facts.rule), created),
            "mailgun-complaints": (address, created),
            "mailgun-unsubscribes": (address, "*", created),
        }
        yield _row(cells[form])
