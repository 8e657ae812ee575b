"""The file of a cursor: what is in it for people, and what counts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from upath import UPath

from mailevents_dagster.files.checksummed import read_sealed, write_sealed
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.model.hour import SECONDS
from mailevents_dagster.store.cursors import Cursor, Failure, Lack, Refusal, text_of

VERSION: Final = 1


def write_cursor(path: UPath, cursor: Cursor, timezone: str) -> None:
    """Writes it in a form that people can read too: the texts are of the time zone, the numbers are what counts."""
    content: dict[str, object] = {
        "version": VERSION,
        "timezone": timezone,
        "closed": [
            {"from": text_of(first, timezone), "to": text_of(end, timezone), "hours": (end - first) // SECONDS,
             "first": first, "end": end}
            for first, end in cursor.closed
        ],
        "open": [
            {"hour": text_of(hour, timezone), "listed": text_of(at, timezone), "start": hour, "listed_at": at}
            for hour, at in sorted(cursor.open.items())
        ],
        "failed": [
            {"hour": text_of(hour, timezone), "start": hour, **_said_of(failure)}
            for hour, failure in sorted(cursor.failed.items())
        ],
        "failures_in_a_row": cursor.failures_in_a_row,
        "committed_at": cursor.committed_at,
    }  # fmt: skip
    if cursor.first is not None:
        content |= {"first_hour": text_of(cursor.first, timezone), "first": cursor.first}
    if cursor.lacking:
        content["lacking"] = [
            {"hour": text_of(hour, timezone), "start": hour, **asdict(lack)}
            for hour, lack in sorted(cursor.lacking.items())
        ]
    if cursor.refused:
        content["refused"] = asdict(cursor.refused)
    if cursor.looked_back_at is not None:
        content["looked_back_at"] = cursor.looked_back_at
    if cursor.clock:
        content["clock"] = cursor.clock
    if cursor.witnessed is not None:
        content["witnessed"] = cursor.witnessed
    if cursor.learnt:
        content["learnt"] = dict(cursor.learnt)
    write_sealed(path, content)


def _said_of(failure: Failure) -> dict[str, object]:
    """A failure as the file has it, which names a time only where the source gave one."""
    return {name: value for name, value in asdict(failure).items() if name != "until" or value is not None}


def read_cursor(path: UPath) -> Cursor | None:
    """The cursor, or None where there is none; DamagedError where it is not as it was written."""
    content = read_sealed(path)
    if content is None:
        return None
    try:
        return Cursor(
            closed=tuple((span["first"], span["end"]) for span in content["closed"]),
            open={hour["start"]: hour["listed_at"] for hour in content["open"]},
            failed={
                hour["start"]: Failure(hour["times"], hour["at"], hour["cause"], hour["said"], hour.get("until"))
                for hour in content["failed"]
            },
            failures_in_a_row=content["failures_in_a_row"],
            committed_at=content["committed_at"],
            first=content.get("first"),
            lacking={
                hour["start"]: Lack(hour["details_owed"], hour["details_purged"], hour["gaps"])
                for hour in content.get("lacking", ())
            },
            refused=Refusal(**content["refused"]) if "refused" in content else None,
            clock=content.get("clock", 0.0),
            looked_back_at=content.get("looked_back_at"),
            witnessed=content.get("witnessed"),
            learnt=content.get("learnt", {}),
        )
    except (KeyError, TypeError) as error:
        raise DamagedError(f"{path} is no cursor of a feed ({type(error).__name__}: {error})") from error
