"""A made-up mailbox as it is at a moment: its folders, and the mails in them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from mailevents_dagster.sources.mailbox.simulator.mails import HOUR, Mail, mails_of_hour

SINCE: Final = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp())
"""No made-up mail is older."""
FOLDERS: Final = (
    "Inbox",
    "Inbox/Fonlar",
    "Inbox/기준가",
    "Drafts",
    "Sent Items",
    "Deleted Items",
    "Junk Email",
    "Archive",
    "Archive/2026",
    "Conversation History",
)
HIDDEN: Final = frozenset({"Conversation History"})
WELL_KNOWN: Final = {
    "inbox": "Inbox",
    "drafts": "Drafts",
    "sentitems": "Sent Items",
    "deleteditems": "Deleted Items",
    "junkemail": "Junk Email",
    "archive": "Archive",
}
LONGEST_AWAY: Final = 3 * HOUR


@dataclass(frozen=True, slots=True)
class Placed:
    """A mail and the folder that it is in now."""

    mail: Mail
    folder: str


class SimulatedMailbox:
    """One mailbox. Threads may ask and change it at once."""

    def __init__(
        self, address: str, now: Callable[[], float], per_hour: float = 6, since: int = SINCE, padding: int = 0
    ) -> None:
        """With no mails an hour it holds what is added alone."""
        self.address = address
        self._now = now
        self._per_hour = per_hour
        self._since = since
        self._padding = padding
        self._changing = threading.Lock()
        self._own: dict[str, Mail] = {}
        """Mails that were added or changed, by their ids,"""
        self._met: dict[str, Mail] = {}
        """and all that were ever shown."""

    def add(self, *mails: Mail) -> None:
        with self._changing:
            self._own.update((mail.id, mail) for mail in mails)

    def move(self, id_: str, folder: str) -> None:
        self._change(id_, folder=folder, moved_at=None)

    def delete(self, id_: str) -> None:
        self._change(id_, deleted_at=0)

    def _change(self, id_: str, **changes: object) -> None:
        placed = self.find(id_)
        if placed is None:
            raise LookupError(f"no mail {id_}")
        self.add(replace(placed.mail, **changes))  # type: ignore[arg-type]

    def between(self, first: float, end: float) -> list[Placed]:
        """Return what is there now and was received, or sent, in the window, by the time it was received."""
        lowest, highest = max(self._since, int(first) - HOUR), min(self._now(), end) + HOUR
        found: dict[str, Mail] = {}
        for start in range(lowest // HOUR * HOUR, int(highest) + 1, HOUR):
            if self._per_hour and start >= self._since:
                hour = mails_of_hour(self.address, start, self._per_hour, self._padding)
                found.update((mail.id, mail) for mail in hour)
        with self._changing:
            found.update(self._own)
            self._met.update(found)
        now = self._now()
        there = [Placed(mail, mail.folder_at(now)) for mail in found.values() if mail.is_there(now)]
        inside = [placed for placed in there if _lies(placed.mail, first, end)]
        return sorted(inside, key=lambda placed: (placed.mail.received, placed.mail.id))

    def all(self) -> list[Placed]:
        return self.between(self._since - HOUR, float("inf"))

    def find(self, id_: str) -> Placed | None:
        """Return a mail by its id, if it is there."""
        if id_ not in self._met:
            self.all()
        mail, now = self._met.get(id_), self._now()
        return Placed(mail, mail.folder_at(now)) if mail and mail.is_there(now) else None

    def totals(self) -> Counter[str]:
        return Counter(placed.folder for placed in self.all())

    def truth(self, first: int, end: int) -> Iterator[Placed]:
        """Yield what a perfect collector holds of a window now: received mail by that time, sent mail by its own."""
        for placed in self.between(first, end):
            is_sent = placed.folder == "Sent Items"
            time = placed.mail.sent if is_sent else placed.mail.received
            if first <= time < end and not placed.mail.is_draft:
                yield placed


def _lies(mail: Mail, first: float, end: float) -> bool:
    return first <= mail.received < end or first <= mail.sent < end
