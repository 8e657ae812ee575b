"""What other systems are told of the list: each addition and removal once, noted in the outbox with an id of its own.

What a receiver was told is kept in a file beside the list, so that it need not be told again, and so that days that are
made anew change what it knows, and not what it was told. The file is written first, then the outbox: whoever is killed
between the two has the changes of the file noted next time, by the same ids.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, fields, replace
from secrets import token_hex
from typing import Final, Literal

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from mailevents_dagster.deliverability.part import Work
from mailevents_dagster.deliverability.suppression.entries import Entry, entries_of, hashed
from mailevents_dagster.deliverability.suppression.evidence import moment
from mailevents_dagster.deliverability.suppression.rows import ledger_of
from mailevents_dagster.deliveries.message import Message
from mailevents_dagster.deliveries.opening import outbox_of
from mailevents_dagster.files.atomic import publish
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.files.printable import counted
from mailevents_dagster.files.stored_path import StoredPath
from mailevents_dagster.model.day import Day
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.outcomes.feeds import SUPPRESSION_LIST
from mailevents_dagster.sources.outcomes.receivers import Receiver, receivers_of
from mailevents_dagster.store.lock_names import suppression_lock

_META: Final = b"mailevents"
_SCHEMA: Final = pa.schema(
    [
        *((name, pa.string()) for name in ("key", "address", "reason")),
        *((name, pa.int64()) for name in ("since", "until")),
        *((name, pa.string()) for name in ("action", "id")),
        ("number", pa.int64()),
    ]
)


@dataclass(frozen=True, slots=True)
class Said:
    """The last that a receiver was told of an address."""

    key: str
    """The address as it is compared."""
    address: str
    reason: str
    since: int
    until: int | None
    action: Literal["add", "remove"]
    id: str
    number: int
    """Of two of one address the one with the higher number counts."""


@dataclass(frozen=True, slots=True)
class Told:
    """All that a receiver was told, as far as it still holds, and what was told last."""

    number: int
    said: Mapping[str, Said]
    """By the addresses as they are compared; those that were removed with the last number are among them."""

    @property
    def last(self) -> Iterator[Said]:
        return (one for one in self.said.values() if one.number == self.number)


def told_after(told: Told, entries: Iterable[Entry]) -> Told:
    """Return what a receiver is told so that it knows this list; the same where it does."""
    standing = {key: one for key, one in told.said.items() if one.action == "add"}
    number, listed = told.number + 1, dict[str, Said]()
    for entry in entries:
        before, facts = standing.get(entry.key), (entry.reason, entry.until)
        if before is None or (before.reason, before.until) != facts:
            before = Said(entry.key, entry.address, entry.reason, entry.evidence.at, entry.until, "add", "", number)
        listed[entry.key] = before
    gone = {
        key: replace(one, action="remove", id="", number=number) for key, one in standing.items() if key not in listed
    }
    said = listed | gone
    if not any(one.number == number for one in said.values()):
        return told
    return Told(number, {key: one if one.id else replace(one, id=token_hex(16)) for key, one in said.items()})


def tell(work: Work) -> None:
    """Note for each receiver what it does not know yet of the newest list that is stored."""
    receivers = [*receivers_of(work.domain)]
    newest = _newest(work) if receivers else None
    if newest is None:
        return
    rows = work.stored(SUPPRESSION_LIST, newest)
    if rows is None:
        return
    entries = [*entries_of(ledger_of(rows), work.domain.suppression, newest.end * 1000)]
    for receiver in receivers:
        with work.store.locks.holding(suppression_lock(work.domain.domain)):
            noted = _tell(work, receiver, entries)
        work.note(f"{receiver.feed} is to tell of {counted(noted, 'change')} of the list.")


def _newest(work: Work) -> Day | None:
    """Return the last day whose list is stored: one that was made again says nothing new where a later one is."""
    day = Day.containing(time.time(), work.day.timezone)
    while day.date >= work.day.date:
        if work.store.layout.part(work.domain.domain, SUPPRESSION_LIST, day.key).exists():
            return day
        day = day.ago(1)
    return None


def _tell(work: Work, receiver: Receiver, entries: Iterable[Entry]) -> int:
    """Note what a receiver does not know yet, first what a killed process may have left; return how much is new."""
    path = work.store.layout.told_suppressions(receiver.feed)
    before = read_told(path, receiver.destination)
    noted = _note(work, receiver, before)
    told = told_after(before, entries)
    if told is before:
        return noted
    _write(path, receiver.destination, told)
    return noted + _note(work, receiver, told)


def _note(work: Work, receiver: Receiver, told: Told) -> int:
    push, now = work.domain.suppression, int(time.time())
    key = os.environ[push.hash_key_variable or ""].encode() if push.push and push.push.addresses == "hashed" else None
    hour = Hour.containing(now, work.store.timezone).start
    messages = (Message(one.id, _body(one, work.domain.domain, key), hour, now) for one in told.last)
    return outbox_of(work.store).note(receiver.destination, messages)


def _body(said: Said, domain: str, key: bytes | None) -> str:
    body = {
        "id": said.id,
        "number": said.number,
        "domain": domain,
        "action": said.action,
        "address": hashed(said.key, key) if key else said.address,
        "reason": said.reason,
        "since": moment(said.since),
        "until": None if said.until is None else moment(said.until),
    }
    return orjson.dumps(body).decode()


def read_told(path: StoredPath, destination: str) -> Told:
    """Return what a receiver was told; nothing where the file tells of another one."""
    try:
        with path.open("rb") as file:
            table = pq.ParquetFile(file).read()
        about = json.loads((table.schema.metadata or {})[_META])
    except FileNotFoundError:
        return Told(0, {})
    except (pa.ArrowException, KeyError, ValueError) as error:
        raise DamagedError(
            f"{path} is not as it was written: {error}. Take it away, and empty the receiver's list: it is told of the "
            "whole list again."
        ) from error
    if about["destination"] != destination:
        return Told(0, {})
    return Told(about["number"], {row["key"]: Said(**row) for row in table.to_pylist()})


def _write(path: StoredPath, destination: str, told: Told) -> None:
    columns = zip(*map(astuple, told.said.values()), strict=True)
    values = dict(zip((one.name for one in fields(Said)), columns, strict=False))
    about = {"destination": destination, "number": told.number}
    table = pa.Table.from_pydict({name: values.get(name, ()) for name in _SCHEMA.names}, _SCHEMA)
    with publish(path) as file:
        pq.write_table(table.replace_schema_metadata({_META: json.dumps(about)}), file, compression="zstd")
