"""The simulated API itself: which answer a request gets. No sockets here, and no faults."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from itertools import groupby
from random import Random
from typing import Final

from mailevents_dagster.files.json_text import one_line
from mailevents_dagster.sources.uzmanposta.feeds import ENDPOINTS, FEED_KINDS
from mailevents_dagster.sources.uzmanposta.simulator.behaviour import COMPUTED, Behaviour
from mailevents_dagster.sources.uzmanposta.simulator.limits import RateLimit
from mailevents_dagster.sources.uzmanposta.simulator.mail import EventSource
from mailevents_dagster.sources.uzmanposta.simulator.messages import Answer, Request, error
from mailevents_dagster.sources.uzmanposta.simulator.records import Record
from mailevents_dagster.sources.uzmanposta.simulator.times import own_time, seconds

DAY: Final = 86_400
LONGEST_WINDOW_DAYS: Final = 14
_OLDER_NAMES: Final = {"/queue": "/quarantines"}
_FEEDS: Final = {
    (ENDPOINTS[kind.category], None if kind.category == "authentication" else kind.type): name
    for name, kind in FEED_KINDS.items()
}


class _RefusedError(Exception):
    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Api:
    """Answers requests from a source of records, as the behaviour says."""

    def __init__(self, behaviour: Behaviour, source: EventSource, now: Callable[[], float]) -> None:
        self.behaviour = behaviour
        """May be replaced at any time; seed and events per hour belong to the source and stay."""
        self.source = source
        self.now = now
        self._limit = RateLimit()
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
            raise _RefusedError(error(401, "Authorization required"))
        rate = self.behaviour.requests_per_second
        wait = self._limit.wait(request.key, rate, time.monotonic()) if rate else 0.0
        if wait:
            after = self.behaviour.retry_after
            said = str(math.ceil(wait)) if after == COMPUTED else after
            raise _RefusedError(error(429, "Too many requests", {} if said is None else {"Retry-After": said}))

    def _listing(self, request: Request) -> list[Record]:
        domain = request.params.get("domain", "").lower()
        feed_name = self._feed_name(request)
        start, end = self._seconds(request, "starttime"), self._seconds(request, "endtime")
        if not domain:
            raise _RefusedError(error(400, "domain is required"))
        if domain in self.behaviour.forbidden_domains:
            raise _RefusedError(error(403, f"Access denied to domain {domain}"))
        if end - start > LONGEST_WINDOW_DAYS * DAY:
            raise _RefusedError(error(406, f"Can make search for {LONGEST_WINDOW_DAYS} days at most"))
        kind = FEED_KINDS[feed_name]
        kept_days = self.behaviour.refuses_older_than_days.get(kind.category, kind.kept_days)
        if kept_days is not None and start < self.now() - kept_days * DAY:
            raise _RefusedError(error(406, f"Can make search {kept_days} days before at most"))
        first = start + (self.behaviour.bounds[0] == "(")
        last = end - (self.behaviour.bounds[-1] == ")")
        visible = math.floor(self.now() - self.behaviour.visible_after_seconds)
        return self._page(self.source.rows(domain, feed_name, first, min(last, visible)))

    def _page(self, rows: list[Record]) -> list[Record]:
        """The rows that one answer shows of all these, in the order it shows them."""
        if self.behaviour.shuffle_ties:
            rows = self._with_ties_shuffled(rows)
        limit = self.behaviour.page_limit
        page = rows[-limit:] if self.behaviour.cap == "newest" else rows[:limit]
        return page[::-1] if self.behaviour.order == "newest_first" else page

    def _with_ties_shuffled(self, rows: list[Record]) -> list[Record]:
        shuffled: list[Record] = []
        for _, ties in groupby(rows, key=own_time):
            group = list(ties)
            if len(group) > 1:
                self._random.shuffle(group)
            shuffled += group
        return shuffled

    def _detail(self, request: Request) -> Record:
        at = self._seconds(request, "time")
        detail = self.source.detail(request.queue_id or "", at) if at <= self.now() else None
        if detail is None:
            raise _RefusedError(error(404, f"No mail {request.queue_id} at {at}"))
        if detail.get("domain") in self.behaviour.forbidden_domains:
            raise _RefusedError(error(403, f"Access denied to domain {detail.get('domain')}"))
        return detail

    @staticmethod
    def _feed_name(request: Request) -> str:
        endpoint = _OLDER_NAMES.get(request.path, request.path)
        name = _FEEDS.get((endpoint, None)) or _FEEDS.get((endpoint, request.params.get("type")))
        if name is None:
            raise _RefusedError(error(400, f"type {request.params.get('type')!r} is not known here"))
        return name

    @staticmethod
    def _seconds(request: Request, name: str) -> int:
        value = seconds(request.params.get(name))
        if value is None:
            raise _RefusedError(error(400, f"{name} must be Unix seconds"))
        return value
