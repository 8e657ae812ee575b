"""What a provider is: how its requests are proven, and the events that they tell of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from hashlib import blake2b
from typing import Any, Final

from mailevents_dagster.files.json_text import NotJsonError, canonical, parse
from mailevents_dagster.sources.webhook.spool.frames import Posted

AHEAD_SECONDS: Final = 300.0
"""How far a clock may be ahead of this one."""
_DEEPEST: Final = 50


class Kind(StrEnum):
    """What an event tells of a mail."""

    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    DEFERRED = "deferred"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    OPENED = "opened"
    CLICKED = "clicked"
    UNSUBSCRIBED = "unsubscribed"
    INBOUND = "inbound"
    """A mail that came in, with its content."""
    OTHER = "other"


class Status(IntEnum):
    """How a request is refused."""

    GARBAGE = 400
    UNPROVEN = 401
    FORGED = 403
    NOT_ACCEPTABLE = 406
    """Mailgun sends nothing again that was answered so."""
    REPEATED = 409
    TOO_LARGE = 413
    WRONG_TYPE = 415
    LATER = 503


class RefusedError(Exception):
    """A request is not taken. The text says why, without anything that was in it."""

    def __init__(self, status: Status, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came, with what proves it."""

    headers: Mapping[str, str]
    """By their names in small letters."""
    posted: Posted

    def header(self, name: str) -> str:
        return self.headers.get(name, "")


@dataclass(frozen=True, slots=True)
class Access:
    """What requests of a webhook must prove themselves by. Nothing of it appears in a message."""

    secret: str = field(default="", repr=False)
    user: str = ""
    public_key: str = ""
    topics: frozenset[str] = frozenset()
    max_age: float = 86_400.0
    """Seconds since the provider signed the request."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that belongs to an event."""

    name: str
    type: str
    content: bytes = field(repr=False)
    content_id: str = ""
    inline: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """One event of a request."""

    id: str
    """By which it is known again when it is sent again."""
    time: float | None
    """Its own, in Unix seconds; None where nothing says when it was but its arrival."""
    fields: Mapping[str, object]
    """What has columns."""
    said: object
    """All that the provider said of it, as JSON; long content is in the files."""
    message: bytes | None = field(default=None, repr=False)
    """The raw message, where it came along."""
    files: Sequence[File] = ()


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider of webhooks."""

    name: str
    prove: Callable[[Request, Access, float], str]
    """Return the mark of a request at this time, by which it is known when it is sent again; else RefusedError."""
    tell: Callable[[Posted], Sequence[Told]]
    """Return the events of a request; RefusedError where it is none of this provider's."""
    sends_again_hours: int
    """How long it sends again what was not taken: so old a signature may be."""
    sends_all_again_seconds: float
    """How long all of it is sent again: of a longer outage some is lost, if nothing else is set with the provider."""
    secret_signs: bool = False
    """Whether the secret signs requests; else it must come with them."""
    when_repeated: Status = Status.REPEATED
    """The answer to a request that was taken before."""
    asks_others: bool = False
    """Whether proving may ask another server, and so take a while."""


def digest_id(value: object) -> str:
    """Return an id made of the whole content, for what has none of its own."""
    return blake2b(canonical(value), digest_size=16).hexdigest()


def json_object(body: bytes) -> Mapping[str, Any]:
    """Return the JSON object of a request."""
    value = json_value(body)
    if not isinstance(value, dict):
        raise RefusedError(Status.GARBAGE, "the body is not a JSON object")
    return value


def json_value(body: bytes) -> object:
    try:
        value = parse(body)
    except NotJsonError:
        raise RefusedError(Status.GARBAGE, "the body is not JSON") from None
    if not _is_shallow(value):
        raise RefusedError(Status.GARBAGE, "the body is nested deeper than any event is")
    return value


def _is_shallow(value: object) -> bool:
    level: Sequence[object] = [value]
    for _ in range(_DEEPEST):
        level = [child for one in level for child in _children(one)]
        if not level:
            return True
    return False


def _children(value: object) -> Iterable[object]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def check_age(signed: float, max_age: float, now: float, status: Status = Status.FORGED) -> None:
    """Refuse what was signed too long ago, or is from the future."""
    if now - signed > max_age:
        raise RefusedError(status, f"it was signed more than {max_age / 60:,.0f} minutes ago")
    if signed - now > AHEAD_SECONDS:
        raise RefusedError(status, "it was signed in the future: check the clock of this machine")


def text(value: object) -> str | None:
    """Return a value as text; nothing where it holds nothing."""
    if value is None or value == "" or isinstance(value, dict | list):
        return None
    return str(value)


def bare_id(value: object) -> str | None:
    """Return a Message-ID without < and >."""
    return (text(value) or "").strip("<> \r\n\t") or None


def dig(value: object, *path: str) -> Any:
    """Return what stands at a path of keys in nested objects; None where there is nothing."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
