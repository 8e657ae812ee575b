"""Calls: what is asked and answered, which calls are to fail, and the log of them."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, Literal
from urllib.parse import parse_qsl, unquote

from mailevents_dagster.files.json_text import one_line

BASE_PATH: Final = "/api/v2"
LISTING_PATHS: Final = frozenset({"/logs/mail", "/quarantines", "/queue", "/logs/authentication"})
PHRASES: Final[Mapping[int, str]] = {int(status): status.phrase for status in HTTPStatus}
CALLS_KEPT: Final = 1_000_000
_DETAIL: Final = "/logs/mail/"

Kind = Literal["list", "detail", "other"]


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

    @classmethod
    def read(cls, target: str, authorization: str) -> Request:
        raw_path, _, query = target.partition("?")
        path = raw_path.removeprefix(BASE_PATH)
        scheme, _, key = authorization.partition(" ")
        is_detail = path.startswith(_DETAIL) and "/" not in path[len(_DETAIL) :]
        return cls(
            unquote(path),
            dict(parse_qsl(query, keep_blank_values=True)),
            key.strip() or None if scheme.lower() == "bearer" else None,
            unquote(path.removeprefix(_DETAIL)) if is_detail else None,
            raw_path.startswith(f"{BASE_PATH}/"),
        )

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
    """Beside the usual ones, or in their place."""
    body: bytes | None = None
    """None: the API's own body, or its usual error object where a status is given."""
    delay: float = 0.0
    interim: int | None = None
    """A status such as 102 or 103 that is sent before the answer, as a proxy may do."""
    reset: bool = False
    """The connection is reset instead of an answer."""
    truncated: bool = False
    """Half of the body arrives, then the connection closes."""
    endless: bool = False
    """The body is followed by blanks for ever, in chunks, `chunk_pause` seconds apart."""
    chunk_pause: float = 0.05


def error(status: int, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an error as the API words it."""
    body = {
        "status": "error",
        "code": status,
        "message": message,
        "api-version": "2.0",
        "extended-code-text": PHRASES.get(status, "Error"),
        "link": f"https://docs.example.com/api/v2/errors/{status}",
    }
    return Answer(status, headers or {}, one_line(body))


@dataclass(slots=True)
class _Fault:
    matches: Callable[[Request], bool]
    answer: Answer
    left: int | None


class Faults:
    """Which requests get another answer than the API's own: that of the first fault that matches."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[_Fault] = []

    def fail_next(self, match: Callable[[Request], bool] | str, answer: Answer, times: int | None = 1) -> None:
        """Give the next `times` matching requests this answer, or with None all of them.

        A string matches the beginning of the path: `/logs/mail/` is every detail of a mail.
        """
        matches = (lambda request: request.path.startswith(match)) if isinstance(match, str) else match
        with self._lock:
            self._faults.append(_Fault(matches, answer, times))

    def take(self, request: Request) -> Answer | None:
        """Return the answer of the first fault that matches, and use it up once."""
        with self._lock:
            fault = next((fault for fault in self._faults if fault.matches(request)), None)
            if fault is None:
                return None
            if fault.left is not None:
                fault.left -= 1
                if fault.left <= 0:
                    self._faults.remove(fault)
            return fault.answer

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def __len__(self) -> int:
        return len(self._faults)


@dataclass(frozen=True, slots=True)
class Call:
    """One request and the status it was answered with; 0 where the connection was reset."""

    kind: Kind
    path: str
    params: dict[str, str]
    key: str | None
    status: int
    arrival: float
    """Seconds of the monotonic clock."""


class Calls:
    """The last million calls, oldest first; counts go on beyond them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: deque[Call] = deque(maxlen=CALLS_KEPT)
        self._counts: Counter[tuple[Kind, int]] = Counter()

    def add(self, call: Call) -> None:
        with self._lock:
            self._calls.append(call)
            self._counts[call.kind, call.status] += 1

    def count(self, kind: Kind | None = None, status: int | None = None) -> int:
        """Count the calls of a kind, with a status, or all."""
        with self._lock:
            counts = list(self._counts.items())
        return sum(number for key, number in counts if kind in (None, key[0]) and status in (None, key[1]))

    def clear(self) -> None:
        with self._lock:
            self._calls.clear()
            self._counts.clear()

    def __iter__(self) -> Iterator[Call]:
        with self._lock:
            return iter(list(self._calls))

    def __len__(self) -> int:
        return self.count()
