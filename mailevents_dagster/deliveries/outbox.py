"""The outbox: which messages each destination was given, which wait, which never go.

A message waits, is taken, or is set aside. One that waits and was tried may have gone out: nobody knows after a kill.
A taken message keeps a row of its key for ever, about 150 bytes on disk once `shrink` took its body away, so that an
hour that is collected again publishes only what is new. `forget` drops the rows of hours that will not come again.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from sqlite3 import Connection
from typing import Final

from mailevents_dagster.deliveries.ledger import LedgerFile
from mailevents_dagster.deliveries.message import (
    Answer,
    Aside,
    Counts,
    Failed,
    Message,
    Receipt,
    Refused,
    Taken,
    Waiting,
)

CLOCKS_APART: Final = 3600
"""Seconds by which the clock of a source may be ahead of this machine's."""
Place = tuple[int, str]
"""The time and key of a message: where it stands in the order in which messages go out."""
FIRST: Final[Place] = (-(2**63), "")
_EVER: Final = (-(2**63), 2**63 - 1)
_STATES: Final = """
SELECT hour, state, count(*) FROM messages WHERE destination = ? AND hour BETWEEN ? AND ? GROUP BY hour, state
"""
"""Answered by the index alone: 20 ms for 200,000 messages; with the times of those that wait it is 300 ms."""
_WAITING: Final = """
SELECT hour, count(tried_at), min(at) FROM messages
WHERE destination = ? AND hour BETWEEN ? AND ? AND state = 'waiting' GROUP BY hour
"""


class Outbox:
    """The ledger of all destinations in one file. Threads and processes may share it."""

    def __init__(self, path: Path) -> None:
        self._file = LedgerFile(path)

    def first_used(self, destination: str) -> int:
        """Return when this was asked for the first time: for `since: now`."""
        with self._file.transaction() as ledger:
            return _introduced(ledger, destination)[1]

    def lost_at(self) -> int | None:
        """Return when a damaged ledger was set aside for this one, or None.

        All hours are to be noted again then. Events of before may have gone out already.
        """
        with self._file.transaction() as ledger:
            lost: int | None = ledger.execute("SELECT lost_at FROM ledger").fetchone()[0]
            return lost

    def note(self, destination: str, messages: Iterable[Message]) -> int:
        """Note what is to be delivered and return how many are new; what is known by its key stays as it is."""
        noted = list(messages)  # others need not wait while these are made
        now = int(time.time())
        with self._file.transaction() as ledger:
            number, _ = _introduced(ledger, destination)
            lost_at = ledger.execute("SELECT lost_at FROM ledger").fetchone()[0]
            before = ledger.total_changes
            ledger.executemany(
                "INSERT INTO messages (destination, key, state, hour, at, time, tried_at, body) "
                "VALUES (?, ?, 'waiting', ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (
                    (number, _plain(one.key), one.hour, now, one.time, _perhaps(one, lost_at), _plain(one.body))
                    for one in noted
                ),
            )
            return ledger.total_changes - before

    def waiting(self, destination: str, after: Place, most: int) -> list[Waiting]:
        """Return the next messages behind this place that are to be delivered, in their order."""
        with self._file.transaction() as ledger:
            rows = ledger.execute(
                "SELECT key, body, hour, time, tried_at FROM messages "
                "WHERE destination = ? AND state = 'waiting' AND (time, key) > (?, ?) "
                "ORDER BY time, key LIMIT ?",
                [_number(ledger, destination), *after, most],
            )
            return [Waiting(Message(*row[:4]), row[4]) for row in rows]

    def mark_tried(self, destination: str, keys: Iterable[str]) -> None:
        """Note that these are about to be tried: from now on they may have gone out."""
        now = int(time.time())
        with self._file.transaction() as ledger:
            number = _number(ledger, destination)
            ledger.executemany(
                "UPDATE messages SET tried_at = coalesce(tried_at, ?) WHERE destination = ? AND key = ?",
                ((now, number, key) for key in keys),
            )

    def settle(self, destination: str, answers: Iterable[tuple[Waiting, Answer]]) -> None:
        """Note what was answered. What may have arrived stays marked as tried."""
        now = int(time.time())
        with self._file.transaction() as ledger:
            number = _number(ledger, destination)
            for waiting, answer in answers:
                _settle(ledger, number, waiting, answer, now)

    def counts(self, destination: str, hour: int | None = None) -> Mapping[int, Counts]:
        """Return the counts of each hour that has messages, or of one alone; `sum(…, Counts())` adds them up."""
        hours = _EVER if hour is None else (hour, hour)
        with self._file.transaction() as ledger:
            which = [_number(ledger, destination), *hours]
            waiting = {at: rest for at, *rest in ledger.execute(_WAITING, which)}
            states: dict[int, dict[str, int]] = {}
            for at, state, count in ledger.execute(_STATES, which):
                states.setdefault(at, {})[state] = count
        return {at: _counts(states[at], *waiting.get(at, (0, None))) for at in sorted(states)}

    def receipts(self, destination: str, hour: int) -> list[Receipt]:
        """Return what was answered to the messages of an hour, by time; of those that `shrink` reduced nothing."""
        with self._file.transaction() as ledger:
            rows = ledger.execute(
                "SELECT key, time, state, at, receiver_id, reason FROM messages "
                "WHERE destination = ? AND hour = ? AND state != 'waiting' AND at IS NOT NULL ORDER BY time, key",
                [_number(ledger, destination), hour],
            )
            return [Receipt(*row) for row in rows]

    def aside(self, destination: str, most: int) -> list[Aside]:
        """Return the earliest of those that never go, with the reasons."""
        with self._file.transaction() as ledger:
            rows = ledger.execute(
                "SELECT key, hour, time, reason FROM messages "
                "WHERE destination = ? AND state = 'aside' ORDER BY time, key LIMIT ?",
                [_number(ledger, destination), most],
            )
            return [Aside(*row) for row in rows]

    def try_aside_again(self, destination: str) -> int:
        """Let all that was set aside wait again, once its cause is mended; return how many."""
        with self._file.transaction() as ledger:
            return ledger.execute(
                "UPDATE messages SET state = 'waiting', at = ?, reason = NULL "
                "WHERE destination = ? AND state = 'aside'",
                [int(time.time()), _number(ledger, destination)],
            ).rowcount

    def shrink(self, taken_before: int) -> int:
        """Reduce what was taken before this time to its key and hour; return how many messages that were."""
        with self._file.transaction() as ledger:
            return ledger.execute(
                "UPDATE messages SET body = NULL, receiver_id = NULL, time = NULL, at = NULL "
                "WHERE state = 'taken' AND at < ?",
                [taken_before],
            ).rowcount

    def forget(self, destination: str, hours_before: int) -> int:
        """Drop the rows of hours before this time, whatever became of them; they must not be collected again.

        What waits is dropped, too: the events are gone. Return how many rows that were.
        """
        with self._file.transaction() as ledger:
            return ledger.execute(
                "DELETE FROM messages WHERE destination = ? AND hour < ?",
                [_number(ledger, destination), hours_before],
            ).rowcount

    def lock_of(self, destination: str) -> Path:
        """Return the file that is locked by whoever delivers to this destination."""
        path = self._file.path
        return path.with_name(f"{path.name}.{hashlib.sha256(destination.encode()).hexdigest()[:16]}.lock")


def _counts(states: Mapping[str, int], uncertain: int, oldest_waiting: int | None) -> Counts:
    waiting, taken, aside = (states.get(state, 0) for state in ("waiting", "taken", "aside"))
    return Counts(waiting, uncertain, oldest_waiting, taken, aside)


def _number(ledger: Connection, destination: str) -> int | None:
    """Return the number of a destination; None, which no row has, if nothing was noted for it."""
    row = ledger.execute("SELECT id FROM destinations WHERE name = ?", [destination]).fetchone()
    return row[0] if row else None


def _introduced(ledger: Connection, destination: str) -> tuple[int, int]:
    """Return the number of a destination and when it was first used, which may be now."""
    ledger.execute(
        "INSERT INTO destinations (name, first_used) VALUES (?, ?) ON CONFLICT DO NOTHING",
        [destination, int(time.time())],
    )
    row: tuple[int, int] = ledger.execute(
        "SELECT id, first_used FROM destinations WHERE name = ?", [destination]
    ).fetchone()
    return row


def _perhaps(message: Message, lost_at: int | None) -> int | None:
    """Return since when the message may have gone out though it is new here: by the ledger that was lost."""
    return lost_at if lost_at is not None and message.time <= lost_at + CLOCKS_APART else None


def _plain(text: str) -> str:
    """Return the text with lone surrogates as JSON escapes them: SQLite takes none."""
    return text.encode("utf-8", "backslashreplace").decode()


def _settle(ledger: Connection, number: int | None, waiting: Waiting, answer: Answer, now: int) -> None:
    match answer:
        case Taken(receiver_id):
            changes: Sequence[object] = ["taken", now, None, receiver_id, None]
        case Refused(reason):
            changes = ["aside", now, None, None, reason]
        case Failed(may_have_arrived=True):
            return
        case Failed():
            ledger.execute(
                "UPDATE messages SET tried_at = ? WHERE destination = ? AND key = ?",
                [waiting.tried_at, number, waiting.message.key],
            )
            return
    ledger.execute(
        "UPDATE messages SET state = ?, at = ?, tried_at = ?, receiver_id = ?, reason = ? "
        "WHERE destination = ? AND key = ?",
        [*changes, number, waiting.message.key],
    )
