"""The outbox: which messages each destination was given, which wait, which never go.

A message waits, is taken, or is set aside. One that waits and was tried may have gone out: nobody knows after a kill.
A taken message keeps a row of its key for ever, about 150 bytes on disk once `shrink` took its body away, so that an
hour that is collected again publishes only what is new. `forget` drops the rows of hours that will not come again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

from mailevents_dagster.deliveries.ledger import Ledger, LedgerFile, Statements
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
from mailevents_dagster.deliveries.postgres_ledger import PostgresLedger
from mailevents_dagster.sharing.database import Database

CLOCKS_APART: Final = 3600
"""Seconds by which the clock of a source may be ahead of this machine's."""
Place = tuple[int, str]
"""The time and key of a message: where it stands in the order in which messages go out."""
FIRST: Final[Place] = (-(2**63), "")
_EVER: Final = (-(2**63), 2**63 - 1)
_NOTE: Final = """
INSERT INTO messages (destination, key, state, hour, at, time, tried_at, body)
VALUES (?, ?, 'waiting', ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
_NEXT: Final = """
SELECT key, body, hour, time, tried_at, receiver_id FROM messages
WHERE destination = ? AND state = 'waiting' AND (time, key) > (?, ?) ORDER BY time, key LIMIT ?
"""
_TRIED: Final = """
UPDATE messages SET tried_at = coalesce(tried_at, ?), receiver_id = ? WHERE destination = ? AND key = ?
"""
_NOT_TRIED: Final = "UPDATE messages SET tried_at = ? WHERE destination = ? AND key = ?"
_SETTLE: Final = """
UPDATE messages SET state = ?, at = ?, tried_at = ?, receiver_id = ?, reason = ? WHERE destination = ? AND key = ?
"""
_RECEIPTS: Final = """
SELECT key, time, state, at, receiver_id, reason FROM messages
WHERE destination = ? AND hour = ? AND state != 'waiting' AND at IS NOT NULL ORDER BY time, key
"""
_ASIDE: Final = """
SELECT key, hour, time, reason FROM messages WHERE destination = ? AND state = 'aside' ORDER BY time, key LIMIT ?
"""
_AGAIN: Final = """
UPDATE messages SET state = 'waiting', at = ?, reason = NULL WHERE destination = ? AND state = 'aside'
"""
_SHRINK: Final = """
UPDATE messages SET body = NULL, receiver_id = NULL, time = NULL, at = NULL WHERE state = 'taken' AND at < ?
"""
_FORGET: Final = "DELETE FROM messages WHERE destination = ? AND hour < ?"
_STATES: Final = """
SELECT hour, state, count(*) FROM messages WHERE destination = ? AND hour BETWEEN ? AND ? GROUP BY hour, state
"""
"""Answered by the index alone: 20 ms for 200,000 messages; with the times of those that wait it is 300 ms."""
_WAITING: Final = """
SELECT hour, count(tried_at), min(at) FROM messages
WHERE destination = ? AND hour BETWEEN ? AND ? AND state = 'waiting' GROUP BY hour
"""


class ElsewhereError(Exception):
    """Another process delivers to this destination."""


class Outbox:
    """The ledger of all destinations, in a file or a database. Threads and processes may share it."""

    def __init__(self, place: Path | Database) -> None:
        self._ledger: Ledger = LedgerFile(place) if isinstance(place, Path) else PostgresLedger(place)

    @property
    def is_there(self) -> bool:
        """Whether anything was ever noted in it, as far as that is known without making it."""
        return self._ledger.is_there

    def first_used(self, destination: str) -> int:
        """Return when this was asked for the first time: for `since: now`."""
        return self._ledger.run(lambda ledger: _introduced(ledger, destination)[1])

    def lost_at(self) -> int | None:
        """Return when a damaged ledger was set aside for this one, or None.

        All hours are to be noted again then. Events of before may have gone out already.
        """
        return self._ledger.run(_lost_at)

    def note(self, destination: str, messages: Iterable[Message]) -> int:
        """Note what is to be delivered and return how many are new; what is known by its key stays as it is."""
        noted = list(messages)  # others need not wait while these are made
        now = int(time.time())

        def note(ledger: Statements) -> int:
            number, lost_at = _introduced(ledger, destination)[0], _lost_at(ledger)
            rows = [
                (number, _plain(one.key), one.hour, now, one.time, _perhaps(one, lost_at), _plain(one.body))
                for one in noted
            ]
            return ledger.executemany(_NOTE, rows).rowcount if rows else 0

        return self._ledger.run(note)

    def waiting(self, destination: str, after: Place, most: int) -> list[Waiting]:
        """Return the next messages behind this place that are to be delivered, in their order."""
        rows = self._rows(_NEXT, destination, *after, most)
        return [Waiting(Message(*row[:4]), *row[4:]) for row in rows]

    def mark_tried(self, destination: str, keys: Iterable[str], part_of: str | None = None) -> None:
        """Note that these are about to be tried, perhaps as a part of something: from now on they may have gone out.

        ElsewhereError where another process took over since the database was started anew.
        """
        now = int(time.time())
        if not self._ledger.has(destination):
            raise ElsewhereError
        tried = [_plain(key) for key in keys]

        def mark(ledger: Statements) -> None:
            number = _number(ledger, destination)
            ledger.executemany(_TRIED, [(now, part_of, number, key) for key in tried])

        self._ledger.run(mark)

    def settle(self, destination: str, answers: Iterable[tuple[Waiting, Answer]]) -> None:
        """Note what was answered. What may have arrived stays marked as tried."""
        answered, now = list(answers), int(time.time())

        def settle(ledger: Statements) -> None:
            number = _number(ledger, destination)
            ledger.executemany(_SETTLE, list(_settled(answered, now, number)))
            ledger.executemany(_NOT_TRIED, list(_not_tried(answered, number)))

        self._ledger.run(settle)

    def counts(self, destination: str, hour: int | None = None) -> Mapping[int, Counts]:
        """Return the counts of each hour that has messages, or of one alone; `sum(…, Counts())` adds them up."""
        hours = _EVER if hour is None else (hour, hour)

        def count(ledger: Statements) -> Mapping[int, Counts]:
            which = [_number(ledger, destination), *hours]
            waiting = {at: rest for at, *rest in ledger.execute(_WAITING, which)}
            states: dict[int, dict[str, int]] = {}
            for at, state, count in ledger.execute(_STATES, which):
                states.setdefault(at, {})[state] = count
            return {at: _counts(states[at], *waiting.get(at, (0, None))) for at in sorted(states)}

        return self._ledger.run(count)

    def receipts(self, destination: str, hour: int) -> list[Receipt]:
        """Return what was answered to the messages of an hour, by time; of those that `shrink` reduced nothing."""
        return [Receipt(*row) for row in self._rows(_RECEIPTS, destination, hour)]

    def aside(self, destination: str, most: int) -> list[Aside]:
        """Return the earliest of those that never go, with the reasons."""
        return [Aside(*row) for row in self._rows(_ASIDE, destination, most)]

    def try_aside_again(self, destination: str) -> int:
        """Let all that was set aside wait again, once its cause is mended; return how many."""
        now = int(time.time())
        return self._ledger.run(lambda ledger: ledger.execute(_AGAIN, [now, _number(ledger, destination)]).rowcount)

    def shrink(self, taken_before: int) -> int:
        """Reduce what was taken before this time to its key and hour; return how many messages that were."""
        return self._ledger.run(lambda ledger: ledger.execute(_SHRINK, [taken_before]).rowcount)

    def forget(self, destination: str, hours_before: int) -> int:
        """Drop the rows of hours before this time, whatever became of them; they must not be collected again.

        What waits is dropped, too: the events are gone. Return how many rows that were.
        """
        return self._ledger.run(
            lambda ledger: ledger.execute(_FORGET, [_number(ledger, destination), hours_before]).rowcount
        )

    def holding(self, name: str, when_held: Callable[[], object] = lambda: None) -> AbstractContextManager[None]:
        """Keep others from delivering to this destination or server while the block runs.

        `when_held` is called where another delivers; unless it raises, that is waited for.
        """
        return self._ledger.holding(name, when_held)

    def _rows(self, statement: str, destination: str, *values: object) -> list[Any]:
        """Return the rows of a statement about a destination."""
        return self._ledger.run(lambda ledger: [*ledger.execute(statement, [_number(ledger, destination), *values])])


def leave() -> None:
    """Do not wait where another delivers."""
    raise ElsewhereError


def _counts(states: Mapping[str, int], uncertain: int, oldest_waiting: int | None) -> Counts:
    waiting, taken, aside = (states.get(state, 0) for state in ("waiting", "taken", "aside"))
    return Counts(waiting, uncertain, oldest_waiting, taken, aside)


def _lost_at(ledger: Statements) -> int | None:
    lost: int | None = ledger.execute("SELECT lost_at FROM ledger").fetchone()[0]
    return lost


def _number(ledger: Statements, destination: str) -> int | None:
    """Return the number of a destination; None, which no row has, if nothing was noted for it."""
    row = ledger.execute("SELECT id FROM destinations WHERE name = ?", [destination]).fetchone()
    return row[0] if row else None


def _introduced(ledger: Statements, destination: str) -> tuple[int, int]:
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
    """Return the text with what databases do not take as JSON escapes it: lone surrogates, and the null character."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", r"\u0000")


def _settled(answers: Iterable[tuple[Waiting, Answer]], now: int, number: int | None) -> Iterator[Sequence[object]]:
    """Yield the values of those that were taken or never go."""
    for waiting, answer in answers:
        if isinstance(answer, Taken):
            yield "taken", now, None, _plain(answer.receiver_id), None, number, waiting.message.key
        elif isinstance(answer, Refused):
            yield "aside", now, None, None, _plain(answer.reason), number, waiting.message.key


def _not_tried(answers: Iterable[tuple[Waiting, Answer]], number: int | None) -> Iterator[Sequence[object]]:
    """Yield the values of those that surely did not arrive, as this time."""
    for waiting, answer in answers:
        if isinstance(answer, Failed) and not answer.may_have_arrived:
            yield waiting.tried_at, number, waiting.message.key
