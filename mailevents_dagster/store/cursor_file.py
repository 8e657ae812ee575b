"""The file of a cursor: what is in it for people, and what counts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from mailevents_dagster.files.checksummed import read_value, write_sealed
from mailevents_dagster.files.objects import Version
from mailevents_dagster.files.stored_path import StoredPath, is_local
from mailevents_dagster.model.hour import SECONDS
from mailevents_dagster.store.cursors import Cursor, Failure, Refusal, text_of
from mailevents_dagster.store.lack import Lack
from mailevents_dagster.store.manifest import manifest_content, manifest_of

VERSION: Final = 1


def write_cursor(path: StoredPath, cursor: Cursor, timezone: str, version: Version | None = None) -> None:
    """Write it in a form that people can read too: the texts are of the time zone, the numbers are what counts."""

    def text(time: float) -> str:
        return text_of(time, timezone)

    on_objects = {} if is_local(path) else _instead_of_requests(cursor)
    first_hour = {} if cursor.first is None else {"first_hour": text(cursor.first), "first": cursor.first}
    lacking = [{"hour": text(hour), "start": hour, **asdict(lack)} for hour, lack in sorted(cursor.lacking.items())]
    content: dict[str, object] = {
        "version": VERSION,
        "timezone": timezone,
        "closed": [
            {"from": text(first), "to": text(end), "hours": (end - first) // SECONDS, "first": first, "end": end}
            for first, end in cursor.closed
        ],
        "open": [
            {"hour": text(hour), "listed": text(at), "start": hour, "listed_at": at}
            for hour, at in sorted(cursor.open.items())
        ],
        "failed": [
            {"hour": text(hour), "start": hour, **_said_of(failure)} for hour, failure in sorted(cursor.failed.items())
        ],
        "failures_in_a_row": cursor.failures_in_a_row,
        "committed_at": cursor.committed_at,
        **first_hour,
        **_where_there_is_any({"lacking": lacking, **_seen_of_source(cursor), **on_objects}),
    }
    write_sealed(path, content, version)


def _seen_of_source(cursor: Cursor) -> dict[str, object]:
    """Return what the source showed of itself, and when."""
    return {
        "refused": asdict(cursor.refused) if cursor.refused else None,
        "looked_back_at": cursor.looked_back_at,
        "clock": cursor.clock or None,
        "witnessed": cursor.witnessed,
        "learnt": dict(cursor.learnt),
    }


def _instead_of_requests(cursor: Cursor) -> dict[str, object]:
    """Return what need not be asked of an object store."""
    return {
        "manifests": [
            {"tag": tag, "manifest": manifest_content(one)} for _, (tag, one) in sorted(cursor.manifests.items())
        ],
        "newest": list(cursor.newest) if cursor.newest else None,
        "without_strays": [list(span) for span in cursor.without_strays],
    }


def _where_there_is_any(content: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in content.items() if value not in (None, [], {})}


def _said_of(failure: Failure) -> dict[str, object]:
    """Return a failure as the file has it, which names a time only where the source gave one."""
    return {name: value for name, value in asdict(failure).items() if name != "until" or value is not None}


def read_cursor(path: StoredPath, version: Version | None = None) -> Cursor | None:
    """Return the cursor, or None where there is none; DamagedError where it is not as it was written."""
    return read_value(path, _cursor_of, "is not a cursor of a feed", version)


def _cursor_of(content: dict[str, Any]) -> Cursor:
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
        manifests={
            manifest.start: (one["tag"], manifest)
            for one in content.get("manifests", ())
            for manifest in [manifest_of(one["manifest"])]
        },
        newest=(content["newest"][0], content["newest"][1]) if "newest" in content else None,
        without_strays=tuple((first, end) for first, end in content.get("without_strays", ())),
    )
