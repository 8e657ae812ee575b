"""Request and Answer: what goes in and out of the simulated API, and how an answer is written as HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, Literal

from mailevents_dagster.files.json_text import one_line

BASE_PATH: Final = "/api/v2"
LISTING_PATHS: Final = frozenset({"/logs/mail", "/quarantines", "/queue", "/logs/authentication"})
Kind = Literal["list", "detail", "other"]

_PHRASES: Final = {int(status): status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Request:
    """One GET request, percent-decoded."""

    path: str
    """The path below the base URL, such as `/logs/mail`; the whole path where it is not below it."""
    params: dict[str, str] = field(default_factory=dict)
    key: str | None = None
    queue_id: str | None = None
    """Set where the detail of a mail is asked for."""
    below_base: bool = True

    @property
    def kind(self) -> Kind:
        if not self.below_base:
            return "other"
        if self.queue_id is not None:
            return "detail"
        return "list" if self.path in LISTING_PATHS else "other"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, or what becomes of it on the way: `Answer(delay=3)` is the true answer, three seconds late."""

    status: int | None = None
    """None: the API's own answer, delivered as the other fields say."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """None: the API's own body, or its usual error object where a status is given."""
    delay: float = 0.0
    interim: int | None = None
    """A status such as 102 or 103 that is sent before the answer, as something on the way may do."""
    reset: bool = False
    """The connection is reset instead of an answer."""
    truncated: bool = False
    """Half of the body arrives, then the connection closes."""
    endless: bool = False
    """The body is followed by blanks for ever, in chunks, `chunk_pause` seconds apart."""
    chunk_pause: float = 0.05


def error(status: int, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """An error as the API words it."""
    phrase = _PHRASES.get(status, "Error")
    said = {
        "status": "error",
        "code": status,
        "message": message,
        "api-version": "2.0",
        "extended-code-text": phrase,
        "link": f"https://docs.example.com/api/v2/errors/{status}",
    }
    return Answer(status, headers or {}, one_line(said))


def interim(answer: Answer) -> bytes:
    """What comes before the answer."""
    if answer.interim is None:
        return b""
    return f"HTTP/1.1 {answer.interim} {_PHRASES.get(answer.interim, 'Unknown')}\r\n\r\n".encode("latin-1")


def head(answer: Answer, framing: str, date: str, *, keep_alive: bool) -> bytes:
    """The status line and headers of an answer, blank line included; `framing` says where the body ends."""
    status = answer.status or 200
    lines = [f"HTTP/1.1 {status} {_PHRASES.get(status, 'Unknown')}", f"Date: {date}", framing]
    given = {name.lower() for name in answer.headers}
    if "content-type" not in given:
        lines.append("Content-Type: application/json; charset=utf-8")
    lines.extend(f"{name}: {value}" for name, value in answer.headers.items())
    lines.append("Connection: keep-alive" if keep_alive else "Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
