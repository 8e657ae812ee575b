"""The API client of one account: HTTP, retries, and answers that are what they claim to be."""

from __future__ import annotations

import math
import random
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self, TypeVar
from urllib.parse import quote, urlencode

import urllib3

from mailevents_dagster.files.json_text import NotJsonError, parse
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.sources.uzmanposta.access import MOST_PARALLEL, Access
from mailevents_dagster.sources.uzmanposta.answers import (
    WrongAnswerError,
    http_date,
    retry_after,
    the_record,
    the_rows,
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
from mailevents_dagster.sources.uzmanposta.rate import LONGEST_WAIT, PausedError, SharedBudget
from mailevents_dagster.sources.uzmanposta.rows import Record, Row
from mailevents_dagster.sources.uzmanposta.scrubbing import scrubbed
from mailevents_dagster.sources.uzmanposta.transport import Answer, InterimAnswerError, Transport
from mailevents_dagster.sources.uzmanposta.workers import Workers

LONGEST_BACKOFF: Final = 60.0
LONGEST_RETRYING: Final = 900.0
"""Seconds for all attempts of one call together, times the API told to wait left out."""

PARALLEL_UNTIL_KNOWN: Final = 8
"""Details at a time where nothing says how many are needed: no rate, or no answer yet."""

LONGEST_SEGMENT: Final = 4096
"""Longer addresses are cut off or refused on the way, each server and proxy in its own manner."""

CLOCKS_COMPARED_EVERY: Final = 30.0

T = TypeVar("T")


Watch = Callable[[float, ApiError | None], object]
"""Is told of each attempt of a call, from whatever thread: the seconds it took, and why it failed."""


@dataclass(slots=True)
class Tally:
    """What calls have cost so far. Threads may count at once."""

    watch: Watch = lambda *_: None
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
        """`seen` is told status and headers of every answer, of those that are asked for again, too."""
        if not re.fullmatch("[!-~]+", access.key):
            raise ValueError(f"The value of {access.key_variable} cannot be sent: a key is printable ASCII, no spaces.")
        self.access = access
        self.budget = SharedBudget(access.requests_per_second, access.budget_file)
        self.tally = Tally()
        """Of calls that nobody counts elsewhere."""
        self.workers = Workers(lambda: self.parallel_details)
        self._seconds_a_call: float | None = None
        """What an attempt took of late, each new one counting for a tenth."""
        self._their_clock: float | None = None
        """The API's clock less the monotonic one of this machine, which nobody sets while it runs."""
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
        """Ends waiting calls and refuses new ones."""
        self.budget.stop()

    def rows(self, feed: Feed, first: int, last: int, tally: Tally | None = None) -> Sequence[Row]:
        """One page of a feed's listing: the rows between two Unix seconds, as the API orders them."""
        query: dict[str, object] = {"starttime": first, "endtime": last}
        if feed.kind.category != "authentication":
            query["type"] = feed.kind.type
        query["domain"] = feed.domain
        tally = tally or self.tally
        answer = self._get(
            f"{ENDPOINTS[feed.kind.category]}?{urlencode(query)}", lambda answer: the_rows(feed, answer), tally
        )
        tally.count(lists=1)
        return answer

    def detail(self, queue_id: str, time: int, tally: Tally | None = None) -> Record:
        """The full record of one mail."""
        # Dots too: an id that is nothing else would be another folder to a proxy.
        quoted = quote(queue_id, safe="", errors="surrogatepass").replace(".", "%2E")
        if len(quoted) > LONGEST_SEGMENT:
            raise PermanentError(Cause.REQUEST, f"A queue id of {len(queue_id):,} characters fits into no address.")
        tally = tally or self.tally
        answer = self._get(f"/logs/mail/{quoted}?time={time}", lambda answer: the_record(queue_id, answer), tally)
        tally.count(details=1)
        return answer

    @property
    def parallel_details(self) -> int:
        """How many details to ask for at a time: as it is set, or twice what rate and answers call for on average."""
        rate = self.access.requests_per_second
        if self.access.max_parallel_details is not None:
            return self.access.max_parallel_details
        if rate is None or self._seconds_a_call is None:
            return PARALLEL_UNTIL_KNOWN
        return min(MOST_PARALLEL, 2 + math.ceil(2 * rate * self._seconds_a_call))

    def time_at(self, moment: float) -> float | None:
        """The API's time at a moment of the monotonic clock; None where no answer has said."""
        return None if self._their_clock is None else self._their_clock + moment

    def _get(self, path: str, read: Callable[[object], T], tally: Tally) -> T:
        """What is asked for, in as many attempts as are allowed while there is patience."""
        call = _Call(path, tally, time.monotonic())
        while True:
            try:
                return self._attempt(call, read)
            except TransientError:
                if call.attempts >= self.access.max_attempts or call.seconds_retried > LONGEST_RETRYING:
                    raise
            tally.count(retries=1)
            longest = min(LONGEST_BACKOFF, 2.0 ** (call.attempts - 1))
            self.budget.sleep(random.uniform(0, longest))  # noqa: S311 - so that threads do not come back together

    def _attempt(self, call: _Call, read: Callable[[object], T]) -> T:
        """One attempt; being told to wait is none."""
        call.attempts += 1
        refusals = 0
        while True:
            self._wait_for_budget(call)
            began = time.monotonic()
            failed: ApiError | None = None
            try:
                return self._call(call.path, read)
            except RateLimitedError as told:
                failed = told.of_attempt(call.path, call.attempts, time.monotonic() - began)
                refusals += 1
                pause = _pause(told.retry_after, refusals)
                self.budget.pause(pause)
                call.seconds_told_to_wait += pause
            except ApiError as error:
                failed = error.of_attempt(call.path, call.attempts, time.monotonic() - began)
                raise
            finally:
                seconds = time.monotonic() - began
                call.tally.count(seconds=seconds)
                self._seconds_a_call = _drawn_to(seconds, self._seconds_a_call)
                call.tally.watch(seconds, failed)

    def _wait_for_budget(self, call: _Call) -> None:
        """Wait until the call may go out; raise where the API told this key to wait longer than there is patience."""
        try:
            self.budget.acquire(LONGEST_WAIT if call.seconds_told_to_wait <= LONGEST_WAIT else 0.0)
        except PausedError as paused:
            until = time.time() + paused.seconds
        else:
            return
        raise ToldToWaitError(self._where(call.path), until, LONGEST_WAIT)

    def _call(self, path: str, read: Callable[[object], T]) -> T:
        """What one answer says.

        What the libraries raise is in no chain of what is raised here: its text may repeat what the API sent.
        """
        where = self._where(path)
        failed: TransientError | None = None
        try:
            answer = self._transport.get(path)
        except InterimAnswerError as error:
            failed = interim_error(where, error.status)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            failed = network_error(error, where, self._shown)
        if failed:
            raise failed
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
            failed = TransientError(Cause.PROTOCOL, f"{where} sent {sent}.")
        raise failed

    def _shown(self, text: str, most: int = 100) -> str:
        """Text that came from outside as it may stand in a message."""
        return scrubbed(text, self.access.key, most)

    def _message(self, body: bytes) -> str:
        """The message in the API's own error object, where there is one."""
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


def _drawn_to(newest: float, average: float | None) -> float:
    return newest if average is None else average + (newest - average) / 10


@dataclass(slots=True)
class _Call:
    """One thing that is asked for, over all its attempts."""

    path: str
    tally: Tally
    began: float
    attempts: int = 0
    seconds_told_to_wait: float = 0.0

    @property
    def seconds_retried(self) -> float:
        """Since its first attempt, times the API told to wait left out."""
        return time.monotonic() - self.began - self.seconds_told_to_wait


def _pause(told: float | None, refusals: int) -> float:
    """Seconds to wait after so many refusals in a row; told to wait no time again and again, it waits all the same."""
    own = min(LONGEST_BACKOFF, 2.0 ** min(refusals, 10))
    if told is None:
        return own
    return told if refusals == 1 else max(told, own / 4)
