"""What people put on a domain's list and took off it: a small file that proves it is as it was written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Literal

from mailevents_dagster.deliverability.addresses import comparable
from mailevents_dagster.deliverability.suppression.ledger import MANUAL, REMOVED, Evidence
from mailevents_dagster.files.checksummed import read_value, write_sealed
from mailevents_dagster.files.objects import ChangedError, Version
from mailevents_dagster.model.day import Day
from mailevents_dagster.store.layout import Layout
from mailevents_dagster.store.lock_names import suppression_lock
from mailevents_dagster.store.store import Store

VERSION = 1


@dataclass(frozen=True, slots=True)
class Change:
    """An address that somebody added or removed."""

    address: str
    action: Literal["add", "remove"]
    at: int
    """Unix time in milliseconds."""
    reason: str


def read_changes(layout: Layout, domain: str, version: Version | None = None) -> Sequence[Change]:
    """Return what was changed by hand, in its order; DamagedError where the file is not as it was written."""
    made = read_value(
        layout.manual_suppressions(domain),
        lambda content: [Change(**one) for one in content["changes"]],
        "holds no changes of a suppression list",
        version,
    )
    return made or []


def note_changes(
    store: Store, domain: str, addresses: Iterable[str], action: Literal["add", "remove"], now: int, reason: str
) -> int:
    """Note that these addresses were added or removed; return how many.

    What was noted stays for ever, so that a removal stands against all that happened before it, told when it may be.
    """
    layout = store.layout
    with store.locks.briefly(suppression_lock(domain)):
        while True:
            version = Version()
            known = read_changes(layout, domain, version)
            at = max([now, *(one.at + 1 for one in known[-1:])])
            new = [Change(address, action, at, reason) for address in addresses]
            content = {"version": VERSION, "changes": [asdict(one) for one in (*known, *new)]}
            with suppress(ChangedError):  # on an object store another may have written meanwhile
                write_sealed(layout.manual_suppressions(domain), content, version)
                return len(new)


def manual_events(changes: Iterable[Change], start: int, end: int, timezone: str) -> Iterator[tuple[str, Evidence]]:
    """Yield what was changed between two times (Unix, in milliseconds), as evidence."""
    for number, one in enumerate(changes):
        if start <= one.at < end:
            what = MANUAL if one.action == "add" else REMOVED
            day = Day.containing(one.at / 1000, timezone).key
            event_id = f"manual {number:08}"
            yield comparable(one.address), Evidence(what, one.address, one.at, day, rule=one.reason, event_id=event_id)
