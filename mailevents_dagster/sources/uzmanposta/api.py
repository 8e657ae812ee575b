"""The API client of one account: HTTP, retries, and answers that are what they claim to be."""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote, urlencode

import requests
import tenacity
import urllib3
from requests.adapters import HTTPAdapter

from mailevents_dagster.feeds import Feed
from mailevents_dagster.jsontext import NotJsonError, one_line, parse
from mailevents_dagster.sources.uzmanposta.errors import (
    ApiError,
    Cause,
    PermanentError,
    RateLimitedError,
    TransientError,
    network_error,
    status_error,
)
from mailevents_dagster.sources.uzmanposta.rate import Budget, SharedBudget
from mailevents_dagster.sources.uzmanposta.rows import Row, row_of

CONNECT_SECONDS: Final = 10.0
MOST_BYTES: Final = 256 * 2**20
"""A full page of listing rows is 1 MB, the largest detail seen a few; beyond this a body is a fault, not data."""
LONGEST_BACKOFF: Final = 60.0
LONGEST_RETRY_AFTER: Final = 3600.0
LONGEST_RETRYING: Final = 900.0
"""Seconds for all attempts of one call together, times the API told to wait left out."""

CLOCKS_COMPARED_EVERY: Final = 30.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Access:
    """How one account is reached."""

    domain: str
    base_url: str
    key: str
    key_variable: str | None = None
    requests_per_second: float | None = None
    max_parallel_details: int = 8
    timeout_seconds: float = 120
    max_attempts: int = 10
    page_limit: int = 1000
    budget_file: Path | None = None
    """Where the processes of this machine share the rate; without it, it is this client's own."""

    def __repr__(self) -> str:
        return f"Access({self.domain}, {self.base_url}, key from {self.key_variable})"


@dataclass(slots=True)
class Tally:
    """What the calls of an account have cost so far."""

    lists: int = 0
    details: int = 0
    retries: int = 0
    seconds: float = 0.0
    """Time spent in calls, summed over threads."""


class UzmanPostaApi:
    """Listings and details of one account, within its rate budget; threads may share it."""

    def __init__(self, access: Access) -> None:
        if not re.fullmatch("[!-~]+", access.key):
            raise ValueError(f"The value of {access.key_variable} cannot be sent: a key is printable ASCII, no spaces.")
        self.access = access
        self.budget: Budget = SharedBudget(access.requests_per_second, access.budget_file)
        self.tally = Tally()
        self._tallying = threading.Lock()
        self.clock_ahead = 0.0
        """Seconds by which this machine's clock is ahead of the API's, as its answers say."""
        self._clock_is_due = 0.0
        self._session = requests.Session()
        self._send = _sender(self._session, access)
        self._retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(TransientError),
            stop=tenacity.stop_any(tenacity.stop_after_attempt(access.max_attempts), _PatienceAtAnEnd()),
            wait=tenacity.wait_random_exponential(multiplier=1, max=LONGEST_BACKOFF),
            sleep=self.budget.sleep,
            before_sleep=self._count_retry,
            reraise=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._session.close()
        self.budget.close()

    def stop(self) -> None:
        """Ends waiting calls and refuses new ones."""
        self.budget.stop()

    def rows(self, feed: Feed, first: int, last: int) -> Sequence[Row]:
        """One page of a feed's listing: the rows between two Unix seconds, as the API orders them."""
        query: dict[str, object] = {"starttime": first, "endtime": last}
        if feed.kind.category != "authentication":
            query["type"] = feed.kind.type
        query["domain"] = feed.domain
        answer = self._get(f"{feed.kind.endpoint}?{urlencode(query)}", lambda answer: _rows(feed, answer))
        self._count(lists=1)
        return answer

    def detail(self, queue_id: str, time: int) -> bytes:
        """The full record of one mail, as one line of JSON."""
        quoted = quote(queue_id, safe="", errors="surrogatepass")
        answer = self._get(f"/logs/mail/{quoted}?time={time}", lambda answer: _record(queue_id, answer))
        self._count(details=1)
        return answer

    def _get(self, path: str, read: Callable[[object], T]) -> T:
        answer: T = self._retrying(self._attempt, _Call(path), read)
        return answer

    def _attempt(self, call: _Call, read: Callable[[object], T]) -> T:
        """One attempt; being told to wait is none."""
        call.attempts += 1
        refusals = 0
        while True:
            self.budget.acquire()
            began = time.monotonic()
            try:
                return read(self._call(call.path))
            except RateLimitedError as told:
                refusals += 1
                pause = _pause(told.retry_after, refusals)
                if pause > LONGEST_RETRY_AFTER:
                    raise PermanentError(
                        Cause.RATE,
                        f"{told} It asks for a pause of {pause:.0f} s; a collection waits at most "
                        f"{LONGEST_RETRY_AFTER:.0f} s. What was fetched is kept: collect again later.",
                    ) from told
                self.budget.pause(pause)
                call.seconds_told_to_wait += pause
            except (WrongAnswerError, NotJsonError) as wrong:
                error = TransientError(Cause.PROTOCOL, f"{self._where(call.path)} sent {wrong}.")
                raise error.of_attempt(call.path, call.attempts, time.monotonic() - began) from wrong
            except ApiError as error:
                raise error.of_attempt(call.path, call.attempts, time.monotonic() - began)  # noqa: B904 - it is the same
            finally:
                self._count(seconds=time.monotonic() - began)

    def _call(self, path: str) -> object:
        """The JSON value of one answer."""
        deadline = time.monotonic() + self.access.timeout_seconds
        try:
            answer = self._send(path)
            try:
                body = _body(answer, deadline)
            except BaseException:
                answer.close()  # what is left of it must not meet the next call on this connection
                raise
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise network_error(error, self._where(path)) from error
        self._compare_clocks(answer.headers.get("Date", ""))
        if answer.status == 429:
            raise RateLimitedError(f"{self._where(path)} answered 429.", _retry_after(answer.headers))
        if answer.status != 200:
            raise status_error(
                answer.status,
                self._where(path),
                _said(body, self.access.key),
                domain=self.access.domain,
                variable=self.access.key_variable,
            )
        try:
            return parse(body)
        except NotJsonError as error:
            kind = answer.headers.get("Content-Type", "no content type")
            raise WrongAnswerError(f"{len(body):,} bytes of {kind} that are no JSON ({str(error)[:80]})") from error

    def _compare_clocks(self, date: str) -> None:
        if time.monotonic() >= self._clock_is_due:
            self._clock_is_due = time.monotonic() + CLOCKS_COMPARED_EVERY
            with suppress(ValueError, OverflowError):
                self.clock_ahead = time.time() - parsedate_to_datetime(date).timestamp()

    def _where(self, path: str) -> str:
        return f"GET {self.access.base_url.rstrip('/')}{path[:200]}"

    def _count(self, *, lists: int = 0, details: int = 0, retries: int = 0, seconds: float = 0) -> None:
        with self._tallying:
            self.tally.lists += lists
            self.tally.details += details
            self.tally.retries += retries
            self.tally.seconds += seconds

    def _count_retry(self, _: tenacity.RetryCallState) -> None:
        self._count(retries=1)


def _sender(session: requests.Session, access: Access) -> Callable[[str], urllib3.BaseHTTPResponse]:
    """What sends a call, over connections as requests sets them up. A closure, so that no attribute holds the key.

    TLS, proxies and certificates of the environment are requests' part, done once. The calls themselves go to its
    urllib3 pool: what requests does around each call costs half as much CPU again as the call.
    """
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=access.max_parallel_details + 1, max_retries=0)
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter)
    own = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": "mailevents-dagster"}
    base = session.prepare_request(requests.Request("GET", access.base_url.rstrip("/"), headers=own))
    around: dict[str, Any] = {
        **session.merge_environment_settings(base.url or "", {}, stream=True, verify=True, cert=None)
    }
    pool: Any = adapter.get_connection_with_tls_context(base, around["verify"], around["proxies"], around["cert"])
    adapter.cert_verify(pool, base.url, around["verify"], around["cert"])  # type: ignore[no-untyped-call]
    prefix = adapter.request_url(base, around["proxies"]).rstrip("/")
    headers = {**base.headers, "Authorization": f"Bearer {access.key}"}  # last: a .netrc entry would replace it
    seconds = access.timeout_seconds
    timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds)

    def send(path: str) -> urllib3.BaseHTTPResponse:
        answer: urllib3.BaseHTTPResponse = pool.urlopen(
            "GET",
            prefix + path,
            headers=headers,
            timeout=timeout,
            retries=False,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
        )
        return answer

    return send


@dataclass(slots=True)
class _Call:
    """One thing that is asked for, over all its attempts."""

    path: str
    attempts: int = 0
    seconds_told_to_wait: float = 0.0


class _PatienceAtAnEnd(tenacity.stop.stop_base):
    """After so long no attempt follows, whatever their number; times the API told to wait do not count."""

    def __call__(self, retry_state: tenacity.RetryCallState) -> bool:
        call: _Call = retry_state.args[0]
        return (retry_state.seconds_since_start or 0.0) - call.seconds_told_to_wait > LONGEST_RETRYING


class WrongAnswerError(ValueError):
    """An answer with status 200 that is not what was asked for."""


def _rows(feed: Feed, answer: object) -> Sequence[Row]:
    if not isinstance(answer, list) or not all(isinstance(record, dict) for record in answer):
        raise WrongAnswerError(f"no list of records but {_shape(answer)}")
    return [row_of(feed.kind.category, record) for record in answer]


def _record(queue_id: str, answer: object) -> bytes:
    if not isinstance(answer, dict):
        raise WrongAnswerError(f"no record but {_shape(answer)}")
    if str(answer.get("queue_id")) != queue_id:
        raise WrongAnswerError("a record without this mail's queue id")
    return one_line(answer)


def _shape(answer: object) -> str:
    inner = f" with {len(answer)} entries" if isinstance(answer, (list, dict)) else ""
    return f"a {type(answer).__name__}{inner}"


def _body(answer: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    """The whole body. The time-out of a socket counts from its last byte; this one counts from the first."""
    parts: list[bytes] = []
    size = 0
    while part := answer.read1(2**16, decode_content=True):
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES:
            raise urllib3.exceptions.HTTPError(f"the body is longer than {MOST_BYTES:,} bytes")
        if time.monotonic() > deadline:
            raise TimeoutError
    return b"".join(parts)


def _said(body: bytes, key: str) -> str:
    """The message in the API's own error object, where there is one; a key that it repeats is left out."""
    try:
        error = parse(body)
    except NotJsonError:
        return ""
    return str(error.get("message") or "").replace(key, "(the key)")[:200] if isinstance(error, dict) else ""


def _pause(told: float | None, refusals: int) -> float:
    """Seconds to wait after so many refusals in a row; told to wait no time again and again, it waits all the same."""
    own = min(LONGEST_BACKOFF, 2.0 ** min(refusals, 10))
    if told is None:
        return own
    return told if refusals == 1 else max(told, own / 4)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait: from a number or an HTTP date; None where the header is absent or unreadable."""
    value = headers.get("Retry-After", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            until = parsedate_to_datetime(value)  # without a zone where the header names none: HTTP dates are UTC
            seconds = until.replace(tzinfo=until.tzinfo or UTC).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
