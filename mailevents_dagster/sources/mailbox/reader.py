"""What is wanted of a mailbox, whatever its protocol: what it lists, the messages themselves, all of its ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from mailevents_dagster.model.event import Detail
from mailevents_dagster.sources.client import Attempt


@dataclass(frozen=True, slots=True)
class Listed:
    """A mail as its mailbox lists it."""

    id: str
    """What it is known by for as long as it is in the mailbox, wherever it is moved."""
    time: int
    """When it was received, or sent where it is sent mail; Unix seconds."""
    folder: str
    """The path of its folder, as people read it: `Inbox/2026`."""
    size: int | None = None
    """The length of the raw message, where the listing says it."""
    shown: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)
    """What the listing shows of it and stays as it is when it is moved or read: the message is fetched again where
    this changes. `message_id`, `subject`, `sent` (text), and `from`, `sender`, `to`, `cc` (lists of name and address)
    stand in the event as long as the message cannot be had."""
    other_time: int | None = None
    """When it was sent, where `time` is when it was received, and the other way round: a mail that is moved between
    sent and received ones is looked for in that hour, too."""
    is_sent: bool = False
    is_read: bool | None = None
    conversation: str | None = None

    @property
    def received(self) -> int:
        return self.other_time if self.is_sent and self.other_time is not None else self.time


@dataclass(frozen=True, slots=True)
class Fetched:
    """What is to be said of a message that is in its blob now."""

    source: str = "mime"
    """How the message was had: `mime` as it was sent, `json` composed from its parts."""
    lacking: tuple[str, ...] = ()
    """What of it could not be had, for people: it is owed and asked for again."""


class NotHadError(Exception):
    """A message that its mailbox does not give, whatever the reason: no fault of the others. Names no person."""

    def __init__(self, why: str, *, is_gone: bool = False) -> None:
        super().__init__(why)
        self.detail = Detail.PURGED if is_gone else Detail.MISSING
        """Gone is what was deleted since it was listed: it is not asked for again."""


class Sink(Protocol):
    """What takes the bytes of a message."""

    def write(self, data: bytes, /) -> object: ...


@dataclass(frozen=True, slots=True)
class Held:
    """A mail as the listing of all ids has it."""

    id: str
    time: int | None
    """None where it is no mail that is collected, such as a draft."""
    other_time: int | None = None


@dataclass(frozen=True, slots=True)
class FolderIds:
    """What lies in one folder."""

    folder: str
    total: int | None
    """How many the mailbox says there are; None where it does not say."""
    mails: Iterable[Held]
    """Read once, while the folder is listed."""


class Reader(Protocol):
    """One mailbox. Threads may fetch at once.

    Every function may raise a SourceError that says whether it is passing; whoever is told to stop raises StoppedError.
    """

    observe: Callable[[Attempt], object]
    """Hears of each call, from whatever thread; set by whoever collects."""
    listings: int
    """Calls for listings so far, those that failed not counted."""

    @property
    def clock(self) -> float | None:
        """The server's clock less this machine's, in seconds, where it said."""

    def rows(self, first: int, end: int) -> Iterator[Listed]:
        """Yield the mails of a window, in any order; more may be among them, which are left out by their own time."""

    def fetch(self, listed: Listed, blob: Sink) -> Fetched:
        """Stream the raw message into an open blob, or raise NotHadError.

        BrokenOffError says that the connection was cut: it is called again, with another blob. Any other SourceError is
        the message's own, unless it refuses the feed or says until when: it is asked for again in the next collection.
        """

    def ids(self) -> Iterator[FolderIds]:
        """Yield what the whole mailbox holds, folder by folder."""

    def stop(self) -> None:
        """End waiting calls and refuse new ones."""

    def close(self) -> None:
        """Give back connections, threads and files."""
