"""How the live API behaves, from a handful of calls, beside what this project assumes of it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Final

from mailevents_dagster.files.json_text import parse
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.sources.uzmanposta.access import Access
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.collect import CLOCKS_AGREE_WITHIN
from mailevents_dagster.sources.uzmanposta.errors import Cause, PermanentError
from mailevents_dagster.sources.uzmanposta.field_names import DETAIL_FIELDS, field_names
from mailevents_dagster.sources.uzmanposta.probe_findings import (
    Agrees,
    Page,
    Told,
    answer,
    best_row,
    cannot_tell,
    fields_of,
    freshness,
    lateness,
    record_of,
    time_types,
    times_said,
)
from mailevents_dagster.sources.uzmanposta.schema import record_time
from mailevents_dagster.sources.uzmanposta.scrubbing import scrubbed

HOUR: Final = 3600
DAY: Final = 86_400
LONGEST_WINDOW: Final = 14
MAIL_KEPT: Final = 15
"""Days, as assumed."""
LOOKS_BACK: Final = (10, 16, 31)
"""Days before now at which a day is asked for where nothing says how far the API looks back."""
_RATE_HEADER: Final = re.compile("(x-)?ratelimit.*|x-rate-limit.*|retry-after", re.IGNORECASE)


def calls_needed(feed: Feed, *, waits: bool) -> int:
    """The most calls that `probe` makes, those left out that it must make again."""
    return (15 if feed.kind.has_details else 14 if feed.kind.kept_days is None else 11) + waits


def probe(
    access: Access, feed: Feed, settle_seconds: float, wait: float = 0.0, sleep: Callable[[float], object] = time.sleep
) -> tuple[list[Told], int]:
    """Asks the API of one account, within its budget, what it is like; returns how many calls that took, too.

    With a `wait` it looks at the last hour again afterwards, for rows that came later than hours take to settle.
    """
    calls = Calls()
    with UzmanPostaApi(access, calls.seen) as api:
        told = list(_Probe(api, feed, calls).told(settle_seconds, wait, sleep))
    return told, calls.made


class Calls:
    """Status and headers of the answers that came in."""

    def __init__(self) -> None:
        self.made = 0
        self.status = 0
        self.rate_headers: dict[str, str] = {}

    def seen(self, status: int, headers: Mapping[str, str]) -> None:
        self.made += 1
        self.status = status
        self.rate_headers.update({name: value for name, value in headers.items() if _RATE_HEADER.fullmatch(name)})


class _Probe:
    """Asks, and judges what comes back."""

    def __init__(self, api: UzmanPostaApi, feed: Feed, calls: Calls) -> None:
        self.api = api
        self.feed = feed
        self.calls = calls

    def told(self, settle_seconds: float, wait: float, sleep: Callable[[float], object]) -> Iterator[Told]:
        recent = self._recent()
        asked_at = self._now()
        wide, days = self._wide()
        sample = wide if wide.times else recent
        yield self._order(sample)
        yield self._ends(sample)
        yield from self._page(wide, recent, days)
        yield self._filters_by(sample)
        if self.feed.kind.has_details:
            yield from self._detail(sample)
        yield self._looks_back()
        yield self._longest_window(days)
        yield self._clocks()
        yield freshness(recent, asked_at)
        if wait:
            sleep(wait)
            yield lateness(recent, self._ask(asked_at - HOUR, asked_at), self._now(), settle_seconds)
        yield time_types(sample)
        yield fields_of(sample, self.feed)
        yield self._rate()  # last: any of the answers may have carried it

    def _now(self) -> int:
        theirs = self.api.time_at(time.monotonic())
        return int(time.time() if theirs is None else theirs)

    def _ask(self, first: int, last: int) -> Page:
        try:
            return Page(self.api.rows(self.feed, first, last))
        except PermanentError as error:
            if error.cause in (Cause.PERMISSION, Cause.RATE):
                raise
            return Page(refused=self.calls.status)

    def _recent(self) -> Page:
        """The last hour, by the API's clock: which only its first answer says."""
        before = self._now()
        page = Page(self.api.rows(self.feed, before - HOUR, before))  # refused even this, nothing is to be told
        now = self._now()
        return page if abs(now - before) <= CLOCKS_AGREE_WITHIN else self._ask(now - HOUR, now)

    def _wide(self) -> tuple[Page, int]:
        """As much as one call may show, and how many days that is."""
        kept = self.feed.kind.asked_days
        page = Page()
        for days in (LONGEST_WINDOW, 6, 1) if kept is None else (kept, 1):
            now = self._now()
            page = self._ask(now - days * DAY, now)
            if page.refused is None:
                return page, days
        return page, 0

    def _order(self, sample: Page) -> Told:
        question, assumed = "Order of the rows", "newest first"
        if len(set(sample.times)) < 2:
            return cannot_tell(question, assumed, "no two rows of different times")
        if all(newer >= older for newer, older in pairwise(sample.times)):
            return answer(question, assumed, "newest first")
        found = "oldest first" if sorted(sample.times) == sample.times else "neither newest nor oldest first"
        return answer(question, assumed, found, otherwise=Agrees.HARMLESS)

    def _ends(self, sample: Page) -> Told:
        question, assumed = "Does a window include its ends", "unknown; every rule is right"
        alike = best_row(sample.rows, lambda row: len(set(times_said(row))) == 1)
        row = alike or best_row(sample.rows, lambda _: True)
        if row is None or row.time is None:
            return cannot_tell(question, assumed, "no row with a time")
        pages = self._ask(row.time, row.time + 1), self._ask(row.time - 1, row.time)
        if any(page.refused for page in pages):
            return cannot_tell(question, assumed, f"a window of a second: {pages[0]}, {pages[1]}")
        start, end = (row.content in page.contents for page in pages)
        if not start and not end and alike is None:
            return cannot_tell(question, assumed, "no row says one time alone, and it may be listed by another")
        if any(row.content not in page.contents and len(page.rows) >= self.api.access.page_limit for page in pages):
            return cannot_tell(question, assumed, "its second fills an answer")
        words = {True: "included", False: "not included"}
        rule = f"{'[' if start else '('}s,e{']' if end else ')'}"
        return Told(question, assumed, f"{rule}: start {words[start]}, end {words[end]}", Agrees.YES)

    def _page(self, wide: Page, recent: Page, days: int) -> Iterator[Told]:
        most = self.api.access.page_limit
        cap, side = "Most rows of an answer", "What a full answer leaves out"
        if not wide.times:
            yield cannot_tell(cap, f"{most:,}", "no rows")
            yield cannot_tell(side, "the oldest", "no rows")
            return
        older = self._ask(self._now() - days * DAY, min(wide.times) - 1)
        older_left_out = any(at < min(wide.times) for at in older.times)
        newer_left_out = any(at > max(wide.times) for at in recent.times)
        number = len(wide.rows)
        if not older_left_out and not newer_left_out:
            enough = f"all {number:,} rows of {days} days were shown"
            agrees = Agrees.HARMLESS if number > most else Agrees.UNKNOWN
            yield Told(cap, f"{most:,}", f"more than {most:,}" if number > most else f"cannot tell: {enough}", agrees)
            yield cannot_tell(side, "the oldest", enough)
            return
        yield answer(cap, f"{most:,}", f"{number:,}", otherwise=Agrees.HARMLESS)  # it is found out
        left_out = "the oldest" if older_left_out and not newer_left_out else "the newest"
        if older_left_out and newer_left_out:
            left_out = "both oldest and newest"
        yield answer(side, "the oldest", left_out, otherwise=Agrees.HARMLESS)

    def _filters_by(self, sample: Page) -> Told:
        question, assumed = "Which time a listing filters by", "the record's own: of the first recipient, for mail"
        row = best_row(sample.rows, lambda row: any(abs(at - (row.time or 0)) > 1 for at in times_said(row)))
        others = [at for at in times_said(row) if row.time is not None and abs(at - row.time) > 1] if row else []
        if row is None or row.time is None or not others:
            return cannot_tell(question, assumed, "no row says two times that differ by more than a second")
        # A second more at each end: whatever rule holds for the ends, only this time is inside.
        if row.content in self._ask(row.time - 1, row.time + 1).contents:
            return Told(question, assumed, assumed, Agrees.YES)
        if row.content in self._ask(others[0] - 1, others[0] + 1).contents:
            return Told(question, assumed, "another time of the record", Agrees.HARMLESS)
        return Told(question, assumed, "no time that its row says", Agrees.HARMLESS)

    def _detail(self, sample: Page) -> Iterator[Told]:
        fields, same = "Does a detail have the listing's fields", "Is a detail's time that of its row"
        row = best_row(sample.rows, lambda row: row.queue_id is not None)
        if row is None or row.queue_id is None or row.time is None:
            yield cannot_tell(fields, "yes, and more", "no mail that was queued")
            yield cannot_tell(same, "yes", "no mail that was queued")
            return
        try:
            detail = parse(self.api.detail(row.queue_id, row.time).raw)
        except PermanentError as error:
            if error.cause is Cause.PERMISSION:
                raise
            yield Told(fields, "yes, and more", f"the detail is refused with {self.calls.status}", Agrees.NO)
            yield cannot_tell(same, "yes", "there is no detail")
            return
        listed, record = record_of(row.raw), detail if isinstance(detail, dict) else {}
        lacks = sorted(listed.keys() - record.keys())
        more = [name for name in DETAIL_FIELDS if name in record]
        found = (
            f"it lacks {field_names(lacks)}" if lacks else f"yes, and {field_names(more) or 'none of those assumed'}"
        )
        agrees = Agrees.YES if not lacks and len(more) == len(DETAIL_FIELDS) else Agrees.HARMLESS
        yield Told(fields, f"yes, and {', '.join(DETAIL_FIELDS)}", found, agrees)
        at = record_time(self.feed.kind.category, record)
        away = "it has none" if at is None else f"it is {at - row.time:+,} s away"
        yield Told(same, "yes", "yes" if at == row.time else away, Agrees.YES if at == row.time else Agrees.NO)

    def _looks_back(self) -> Told:
        question, kept, now = "How far back it answers", self.feed.kind.kept_days, self._now()
        if kept is not None:
            assumed = f"{kept} days; older windows are refused with 406"
            inside = self._ask(now - (kept - 1) * DAY, now - (kept - 1) * DAY + HOUR)
            older = self._ask(now - kept * DAY - HOUR, now - kept * DAY)
            found = f"{kept - 1} days: {inside}; {kept} days and an hour: {older}"
            if inside.refused:  # how far back it is asked for is learnt
                return Told(question, assumed, found, Agrees.HARMLESS)
            return Told(question, assumed, found, Agrees.YES if older.refused == 406 else Agrees.HARMLESS)
        assumed = f"about {MAIL_KEPT} days; older windows are empty, not refused"
        pages = {days: self._ask(now - days * DAY, now - (days - 1) * DAY) for days in LOOKS_BACK}
        found = "; ".join(f"{days} days: {page}" for days, page in pages.items())
        refusals = {page.refused for page in pages.values() if page.refused}
        if not refusals and not any(page.rows for page in pages.values()):
            return cannot_tell(question, assumed, f"nothing is that old ({found})")
        as_assumed = [bool(page.rows) == (days < MAIL_KEPT) for days, page in pages.items()]
        if refusals - {406}:
            return Told(question, assumed, found, Agrees.NO)
        return Told(question, assumed, found, Agrees.YES if all(as_assumed) and not refusals else Agrees.HARMLESS)

    def _longest_window(self, days: int) -> Told:
        question, assumed = "Longest window", f"{LONGEST_WINDOW} days; longer ones are refused"
        if self.feed.kind.kept_days is not None:
            return cannot_tell(question, assumed, f"it looks back {self.feed.kind.kept_days} days only")
        if days < LONGEST_WINDOW:
            agrees = Agrees.HARMLESS if days else Agrees.NO  # an hour is the longest that is ever asked for
            return Told(question, assumed, f"{LONGEST_WINDOW} days are refused, {days} are not", agrees)
        now = self._now()
        longer = self._ask(now - (LONGEST_WINDOW + 1) * DAY, now)
        found = f"{LONGEST_WINDOW + 1} days: {longer}"
        return Told(question, assumed, found, Agrees.YES if longer.refused else Agrees.HARMLESS)

    def _clocks(self) -> Told:
        question, assumed = "Clock of the API less this machine's", f"within {CLOCKS_AGREE_WITHIN:.0f} s"
        theirs = self.api.time_at(time.monotonic())
        if theirs is None:
            return cannot_tell(question, assumed, "its answers carry no Date that can be read")
        ahead = theirs - time.time()
        close = abs(ahead) <= CLOCKS_AGREE_WITHIN
        return Told(question, assumed, f"{round(ahead):+,} s", Agrees.YES if close else Agrees.HARMLESS)

    def _rate(self) -> Told:
        shown = ", ".join(f"{name}: {value}" for name, value in sorted(self.calls.rate_headers.items()))
        shown = scrubbed(shown, self.api.access.key, 300)
        return Told("Headers about the rate", "unknown", shown or "none", Agrees.YES)
