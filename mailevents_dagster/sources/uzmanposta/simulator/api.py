"""The simulated API itself: how it behaves, and which answer a request gets. No sockets, no faults."""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from random import Random
from typing import Final, Literal

from mailevents_dagster.files.json_text import one_line
from mailevents_dagster.sources.uzmanposta.feeds import ENDPOINTS, FEED_KINDS
from mailevents_dagster.sources.uzmanposta.simulator.calls import Answer, Request, error
from mailevents_dagster.sources.uzmanposta.simulator.mail import EVENTS_PER_HOUR, EventSource
from mailevents_dagster.sources.uzmanposta.simulator.records import Record, own_time, seconds

COMPUTED: Final = "computed"
"""As `Behaviour.retry_after`: whole seconds until the rate limit allows the next call."""
DAY: Final = 86_400
LONGEST_WINDOW_DAYS: Final = 14
_OLDER_NAMES: Final = {"/queue": "/quarantines"}
_FEEDS: Final = {
    (ENDPOINTS[kind.category], None if kind.category == "authentication" else kind.type): name
    for name, kind in FEED_KINDS.items()
}


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the API behaves where the vendor's contract is silent; the defaults are what is known or most likely."""

    seed: int = 1
    events_per_hour: float = EVENTS_PER_HOUR
    """Mean of `mail/incominglog` over a week; the other feeds are in proportion."""
    latency_seconds: float = 0.0
    page_limit: int = 1000
    bounds: Literal["[s,e]", "[s,e)", "(s,e]", "(s,e)"] = "[s,e]"
    cap: Literal["newest", "oldest"] = "newest"
    """Which rows a full page keeps."""
    order: Literal["newest_first", "oldest_first"] = "newest_first"
    shuffle_ties: bool = False
    """Whether rows of one second change places from call to call, also across the edge of a full page."""
    requests_per_second: float | None = None
    """Calls allowed to one key within any second; the next one is answered 429."""
    retry_after: str | None = COMPUTED
    """The header of a 429, word for word; None leaves it out."""
    visible_after_seconds: float = 0.0
    """How long after their own time rows appear in listings."""
    bad_keys: frozenset[str] = frozenset()
    forbidden_domains: frozenset[str] = frozenset()
    refuses_older_than_days: Mapping[str, float] = field(default_factory=dict)
    """How far back it looks, by category; a category that is not in here is as the vendor has it."""


class _RefusedError(Exception):
    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.answer = error(status, message, headers)


class Api:
    """Answers requests from a source of records, as the behaviour says. Asked by one thread at a time."""

    def __init__(self, behaviour: Behaviour, source: EventSource, now: Callable[[], float]) -> None:
        self.behaviour = behaviour
        """May be replaced at any time; seed and events per hour belong to the source and stay."""
        self.source = source
        self.now = now
        self._allowed_at: defaultdict[str, deque[float]] = defaultdict(deque)
        self._random = Random(behaviour.seed)  # noqa: S311 - the order of equal times, not a secret

    def answer(self, request: Request) -> Answer:
        try:
            self._admit(request)
            if request.kind == "list":
                return Answer(200, body=one_line(self._listing(request)))
            if request.kind == "detail":
                return Answer(200, body=one_line(self._detail(request)))
        except _RefusedError as refused:
            return refused.answer
        return error(404, f"No such resource: {request.path}")

    def _admit(self, request: Request) -> None:
        if not request.key or request.key in self.behaviour.bad_keys:
            raise _RefusedError(401, "Authorization required")
        if wait := self._wait(request.key):
            after = self.behaviour.retry_after
            header = str(math.ceil(wait)) if after == COMPUTED else after
            raise _RefusedError(429, "Too many requests", {} if header is None else {"Retry-After": header})

    def _wait(self, key: str) -> float:
        """Return how long the key must wait; zero counts the call. A sliding window, in which refusals do not count."""
        rate = self.behaviour.requests_per_second
        if not rate:
            return 0.0
        most = max(1, int(rate))
        window, now, times = most / rate, time.monotonic(), self._allowed_at[key]
        while times and times[0] <= now - window:
            times.popleft()
        if len(times) >= most:
            return times[0] + window - now
        times.append(now)
        return 0.0

    def _listing(self, request: Request) -> list[Record]:
        behaviour, now = self.behaviour, self.now()
        domain = request.params.get("domain", "").lower()
        feed_name = _feed_name(request)
        start, end = _seconds(request, "starttime"), _seconds(request, "endtime")
        if not domain:
            raise _RefusedError(400, "domain is required")
        if domain in behaviour.forbidden_domains:
            raise _RefusedError(403, f"Access denied to domain {domain}")
        if end - start > LONGEST_WINDOW_DAYS * DAY:
            raise _RefusedError(406, f"Can make search for {LONGEST_WINDOW_DAYS} days at most")
        kind = FEED_KINDS[feed_name]
        kept_days = behaviour.refuses_older_than_days.get(kind.category, kind.kept_days)
        if kept_days is not None and start < now - kept_days * DAY:
            raise _RefusedError(406, f"Can make search {kept_days} days before at most")
        first = start + (behaviour.bounds[0] == "(")
        last = end - (behaviour.bounds[-1] == ")")
        visible = math.floor(now - behaviour.visible_after_seconds)
        return self._page(self.source.rows(domain, feed_name, first, min(last, visible)))

    def _page(self, rows: list[Record]) -> list[Record]:
        """Return the rows that one answer shows of all these, in the order it shows them."""
        if self.behaviour.shuffle_ties:
            ties = [list(group) for _, group in groupby(rows, key=own_time)]
            for group in ties:
                self._random.shuffle(group)
            rows = [row for group in ties for row in group]
        limit = self.behaviour.page_limit
        page = rows[-limit:] if self.behaviour.cap == "newest" else rows[:limit]
        return page[::-1] if self.behaviour.order == "newest_first" else page

    def _detail(self, request: Request) -> Record:
        at = _seconds(request, "time")
        detail = self.source.detail(request.queue_id or "", at) if at <= self.now() else None
        if detail is None:
            raise _RefusedError(404, f"No mail {request.queue_id} at {at}")
        if detail.get("domain") in self.behaviour.forbidden_domains:
            raise _RefusedError(403, f"Access denied to domain {detail.get('domain')}")
        return detail


def _feed_name(request: Request) -> str:
    endpoint = _OLDER_NAMES.get(request.path, request.path)
    name = _FEEDS.get((endpoint, None)) or _FEEDS.get((endpoint, request.params.get("type")))
    if name is None:
        raise _RefusedError(400, f"type {request.params.get('type')!r} is not known here")
    return name


def _seconds(request: Request, name: str) -> int:
    value = seconds(request.params.get(name))
    if value is None:
        raise _RefusedError(400, f"{name} must be Unix seconds")
    return value
