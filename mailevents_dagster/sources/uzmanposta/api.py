"""The API client of one account: calls within the budget, retries, and answers that are what they claim to be."""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Self, TypeVar
from urllib.parse import quote, urlencode

import urllib3

from mailevents_dagster.files.json_text import NotJsonError, parse
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.sharing.database_errors import DatabaseError
from mailevents_dagster.sources.http_headers import http_date, retry_after
from mailevents_dagster.sources.uzmanposta.access import MOST_PARALLEL, Access
from mailevents_dagster.sources.uzmanposta.answers import (
    WrongAnswerError,
    record_in,
    rows_in,
)
from mailevents_dagster.sources.uzmanposta.errors import (
    ApiError,
    Cause,
    PermanentError,
    RateLimitedError,
    ToldToWaitError,
    TransientError,
    interim_error,
    network_error,
    status_error,
)
from mailevents_dagster.sources.uzmanposta.feeds import ENDPOINTS
from mailevents_dagster.sources.uzmanposta.rate import PausedError, SharedBudget
from mailevents_dagster.sources.uzmanposta.rows import Record, Row
from mailevents_dagster.sources.uzmanposta.scrubbing import scrubbed
from mailevents_dagster.sources.uzmanposta.transport import Answer, InterimAnswerError, Transport
from mailevents_dagster.sources.waits import LONGEST_WAIT, backoff, pause
from mailevents_dagster.sources.workers import Workers

LONGEST_RETRYING: Final = 900.0
"""Seconds for all attempts of one call, not counting pauses that the API asked for."""
PARALLEL_UNTIL_KNOWN: Final = 8
"""Details at a time while nothing says how many are needed: no rate is set, or no answer has come."""
LONGEST_SEGMENT: Final = 4096
"""Servers and proxies cut off or refuse longer addresses."""
CLOCKS_COMPARED_EVERY: Final = 30.0

T = TypeVar("T")
Observe = Callable[[float, ApiError | None], object]
"""Hears of each attempt of a call, from any thread: the seconds it took, and why it failed."""


@dataclass(slots=True)
class Tally:
    """What calls have cost so far. Threads may count at once."""

    observe: Observe = lambda *_: None
    lists: int = 0
    details: int = 0
    retries: int = 0
    seconds: float = 0.0
    """Time spent in calls, summed over threads."""
    _counting: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def count(self, *, lists: int = 0, details: int = 0, retries: int = 0, seconds: float = 0) -> None:
        with self._counting:
            self.lists += lists
            self.details += details
            self.retries += retries
            self.seconds += seconds


class UzmanPostaApi:
    """Listings and details of one account, within its rate budget; threads may share it."""

    def __init__(self, access: Access, seen: Callable[[int, Mapping[str, str]], object] = lambda *_: None) -> None:
        """`seen` takes status and headers of every answer, also of those that are asked for again."""
        if not re.fullmatch("[!-~]+", access.key):
            raise ValueError(f"The value of {access.key_variable} cannot be sent: a key is printable ASCII, no spaces.")
        self.access = access
        self.budget = SharedBudget(access.requests_per_second, access.budget)
        self.tally = Tally()
        """Of calls that are not counted elsewhere."""
        self.workers = Workers(lambda: self.parallel_details)
        self._seconds_a_call: float | None = None
        """What an attempt took recently, each new one counting for a tenth."""
        self._their_clock: float | None = None
        """The API's clock less this machine's monotonic one, which cannot be set."""
        self._clock_is_due = 0.0
        self._transport = Transport(access)
        self._seen = seen

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.workers.close()
        self._transport.close()
        self.budget.close()

    def stop(self) -> None:
        """End waiting calls and refuse new ones."""
        self.budget.stop()

    def rows(self, feed: Feed, first: int, last: int, tally: Tally | None = None) -> Sequence[Row]:
        """Return one page of a feed's listing: the rows between two Unix seconds, as the API orders them."""
        category, tally = feed.kind.category, tally or self.tally
        type_ = {} if category == "authentication" else {"type": feed.kind.type}
        query = urlencode({"starttime": first, "endtime": last, **type_, "domain": feed.domain})
        rows = self._get(f"{ENDPOINTS[category]}?{query}", lambda answer: rows_in(feed, answer), tally)
        tally.count(lists=1)
        return rows

    def detail(self, queue_id: str, time: int, tally: Tally | None = None) -> Record:
        """Return the full record of one mail."""
        # Dots too: a proxy would take an id of nothing else for another folder.
        quoted = quote(queue_id, safe="", errors="surrogatepass").replace(".", "%2E")
        if len(quoted) > LONGEST_SEGMENT:
            raise PermanentError(Cause.REQUEST, f"A queue id of {len(queue_id):,} characters is too long to ask for.")
        tally = tally or self.tally
        record = self._get(f"/logs/mail/{quoted}?time={time}", lambda answer: record_in(queue_id, answer), tally)
        tally.count(details=1)
        return record

    @property
    def parallel_details(self) -> int:
        """Return how many details to ask for at a time: as configured, or twice what rate and answers need."""
        rate = self.access.requests_per_second
        if self.access.max_parallel_details is not None:
            return self.access.max_parallel_details
        if rate is None or self._seconds_a_call is None:
            return PARALLEL_UNTIL_KNOWN
        return min(MOST_PARALLEL, 2 + math.ceil(2 * rate * self._seconds_a_call))

    def time_at(self, moment: float) -> float | None:
        """Return the API's time at a moment of the monotonic clock; None while no answer has said."""
        return None if self._their_clock is None else self._their_clock + moment

    def _get(self, path: str, read: Callable[[object], T], tally: Tally) -> T:
        """Return what one answer says, after as many attempts as it takes and is allowed; being told to wait is none.

        No attempt is begun after LONGEST_RETRYING seconds, without the pauses that the API asked for.
        """
        began, attempt, refusals, paused = time.monotonic(), 1, 0, 0.0
        while True:
            self._wait_for_budget(path, LONGEST_WAIT if paused <= LONGEST_WAIT else 0.0)
            try:
                return self._attempt(path, read, attempt, tally)
            except RateLimitedError as told:
                refusals += 1
                seconds = pause(told.retry_after, refusals)
                with _shared():
                    self.budget.pause(seconds)
                paused += seconds
                continue
            except TransientError:
                if attempt >= self.access.max_attempts or time.monotonic() - began - paused > LONGEST_RETRYING:
                    raise
            seconds = backoff(attempt)
            attempt, refusals = attempt + 1, 0
            tally.count(retries=1)
            self.budget.sleep(seconds)

    def _wait_for_budget(self, path: str, patience: float) -> None:
        try:
            with _shared():
                self.budget.acquire(patience)
        except PausedError as paused:
            raise ToldToWaitError(self._where(path), time.time() + paused.seconds, LONGEST_WAIT) from None

    def _attempt(self, path: str, read: Callable[[object], T], attempt: int, tally: Tally) -> T:
        """Make one call and observe it."""
        began = time.monotonic()
        failed: ApiError | None = None
        try:
            return self._call(path, read)
        except ApiError as error:
            failed = error.of_attempt(path, attempt, time.monotonic() - began)
            raise
        finally:
            seconds = time.monotonic() - began
            average = self._seconds_a_call
            self._seconds_a_call = seconds if average is None else average + (seconds - average) / 10
            tally.count(seconds=seconds)
            tally.observe(seconds, failed)

    def _call(self, path: str, read: Callable[[object], T]) -> T:
        """Return what one answer says."""
        where, answer = self._where(path), self._answer(path)
        self._seen(answer.status, answer.headers)
        self._compare_clocks(answer)
        told = retry_after(answer.headers, time.time())
        if answer.status == 429 or (answer.status == 503 and told is not None):
            raise RateLimitedError(f"{where} answered {answer.status}.", told)
        if answer.status != 200:
            raise status_error(answer.status, where, self._message(answer.body), self.access)
        try:
            return read(parse(answer.body))
        except (WrongAnswerError, NotJsonError, RecursionError) as error:
            kind = self._shown(answer.headers.get("Content-Type", "no content type"), 60)
            sent = f"{len(answer.body):,} bytes of {kind} that cannot be used ({self._shown(str(error))})"
        raise TransientError(Cause.PROTOCOL, f"{where} sent {sent}.")

    def _answer(self, path: str) -> Answer:
        """Return the whole answer.

        The error is raised outside of the handlers, here and above: what the libraries raised may repeat what the API
        sent, so it must not be in the chain of causes.
        """
        try:
            return self._transport.get(path)
        except InterimAnswerError as error:
            failed = interim_error(self._where(path), error.status)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            failed = network_error(error, self._where(path), self._shown)
        raise failed

    def _shown(self, text: str, most: int = 100) -> str:
        """Return text that came from outside as it may stand in a message."""
        return scrubbed(text, self.access.key, most)

    def _message(self, body: bytes) -> str:
        """Return the message in the API's own error object, if there is one."""
        try:
            error = parse(body)
        except NotJsonError:
            return ""
        message = error.get("message") if isinstance(error, dict) else None
        return self._shown(message, 200) if isinstance(message, str) else ""

    def _compare_clocks(self, answer: Answer) -> None:
        if answer.arrived >= self._clock_is_due:
            self._clock_is_due = answer.arrived + CLOCKS_COMPARED_EVERY
            said = http_date(answer.headers.get("Date", ""))
            if said is not None:
                self._their_clock = said - answer.arrived

    def _where(self, path: str) -> str:
        return f"GET {self.access.base_url.rstrip('/')}{path[:200]}"


@contextmanager
def _shared() -> Iterator[None]:
    """Turn a budget that cannot be had from its database into a failure that passes: nothing was asked."""
    try:
        yield
    except DatabaseError as error:
        raise TransientError(Cause.DATABASE, f"The budget of calls cannot be shared: {error}") from error
