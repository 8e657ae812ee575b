"""What an hour has already: mails of the same file, and those that the mailbox itself or another file had."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from mailevents_dagster.files.json_text import parse
from mailevents_dagster.store.hour.open_hour import OpenHour

FAULT: Final = "PST: "
"""Begins what a record says of its mail that could not be read."""
AT_ONCE: Final = 256
"""Records that are read at a time."""
SAME_TIME: Final = (0, -1, 1)
"""Seconds between two programs' times of one mail: one cuts the fraction, another rounds it."""


@dataclass(frozen=True, slots=True)
class Known:
    """The mails of an hour."""

    faults: dict[str, list[str]]
    """Of those of this file by their ids, what of each could not be read."""
    others: Counter[tuple[str, int]]
    """How many others have a Message-ID, or the digest of a mail that has none, and a time."""

    def take(self, key: str, time: int) -> bool:
        """Return whether another is the same mail. Each is given once: two mails of one Message-ID stay two."""
        for apart in SAME_TIME:
            found = (_bare(key), time + apart)
            if found[0] and self.others[found] > 0:
                self.others[found] -= 1
                return True
        return False


def known_of(work: OpenHour, ids: Collection[str]) -> Known:
    """Return what the hour has, where mails with these ids are those of the file."""
    known = Known({}, Counter())
    for record in _records(work):
        if record.get("id") in ids:
            known.faults[record["id"]] = record.get("faults") or []
        else:
            key = record.get("message_id") or record.get("blob") or ""
            known.others[_bare(str(key)), int(record["time"])] += 1
    return known


def stored_faults(faults: Iterable[str] | None) -> Iterator[str]:
    """Yield those of a record's faults that say what of its item could not be read."""
    return (fault.removeprefix(FAULT) for fault in faults or () if fault.startswith(FAULT))


def _records(work: OpenHour) -> Iterator[dict[str, Any]]:
    places = work.known_events.places
    for first in range(0, len(places), AT_ONCE):
        for event in work.events.known(places[first : first + AT_ONCE]):
            record = parse(event.raw)
            if isinstance(record, dict):
                yield record


def _bare(key: str) -> str:
    return key.strip().strip("<>").strip()
