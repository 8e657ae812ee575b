"""How the live API behaves, from a handful of calls, beside what this project assumes of it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from mailevents_dagster.model.columns import field_name, field_names
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.sources.uzmanposta.access import Access
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.collect import CLOCKS_AGREE_WITHIN
from mailevents_dagster.sources.uzmanposta.errors import Cause, PermanentError
from mailevents_dagster.sources.uzmanposta.field_names import DETAIL_FIELDS
from mailevents_dagster.sources.uzmanposta.probe_findings import (
    Agrees,
    Finding,
    Page,
    Question,
    best_row,
    fields_of,
    freshness,
    lateness,
    order_of,
    record_of,
    time_types,
    times_in,
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
    """Return the most calls that `probe` makes, not counting those that it must make again."""
    return (15 if feed.kind.has_details else 14 if feed.kind.kept_days is None else 11) + waits


def probe(
    access: Access, feed: Feed, settle_seconds: float, wait: float = 0.0, sleep: Callable[[float], object] = time.sleep
) -> tuple[list[Finding], int]:
    """Ask the API of one account, within its budget, what it is like; return how many calls that took, too.

    With a `wait` it looks at the last hour again afterwards, for rows that came later than hours take to settle.
    """
    asked = _Probe(access, feed)
    with asked.api:
        return list(asked.findings(settle_seconds, wait, sleep)), asked.calls


class _Probe:
    """Asks, and judges what comes back."""

    def __init__(self, access: Access, feed: Feed) -> None:
        self.api = UzmanPostaApi(access, self.see)
        self.feed = feed
        self.calls = 0
        self.status = 0
        """Of the last answer."""
        self.rate_headers: dict[str, str] = {}

    def see(self, status: int, headers: Mapping[str, str]) -> None:
        self.calls += 1
        self.status = status
        self.rate_headers |= {name: value for name, value in headers.items() if _RATE_HEADER.fullmatch(name)}

    def findings(self, settle_seconds: float, wait: float, sleep: Callable[[float], object]) -> Iterator[Finding]:
        recent = self._recent()
        asked_at = self._now()
        wide, days = self._wide()
        sample = wide if wide.times else recent
        yield order_of(sample)
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
            return Page(refused=self.status)

    def _recent(self) -> Page:
        """Return the last hour by the API's clock, which only its first answer tells."""
        before = self._now()
        page = Page(self.api.rows(self.feed, before - HOUR, before))  # where even this is refused, the probe ends
        now = self._now()
        return page if abs(now - before) <= CLOCKS_AGREE_WITHIN else self._ask(now - HOUR, now)

    def _wide(self) -> tuple[Page, int]:
        """Return as much as one call may show, and how many days that is."""
        kept = self.feed.kind.asked_days
        page = Page()
        for days in (LONGEST_WINDOW, 6, 1) if kept is None else (kept, 1):
            now = self._now()
            page = self._ask(now - days * DAY, now)
            if page.refused is None:
                return page, days
        return page, 0

    def _ends(self, sample: Page) -> Finding:
        question = Question("Does a window include its ends", "unknown; every rule is right")
        alike = best_row(sample.rows, lambda row: len(set(times_in(row))) == 1)
        row = alike or best_row(sample.rows, lambda _: True)
        if row is None or row.time is None:
            return question.cannot_tell("no row with a time")
        pages = self._ask(row.time, row.time + 1), self._ask(row.time - 1, row.time)
        if any(page.refused for page in pages):
            return question.cannot_tell(f"a window of a second: {pages[0]}, {pages[1]}")
        start, end = (row.content in page.contents for page in pages)
        if not start and not end and alike is None:
            return question.cannot_tell("every row gives several times, and may be listed by another of them")
        if any(row.content not in page.contents and len(page.rows) >= self.api.access.page_limit for page in pages):
            return question.cannot_tell("its second fills an answer")
        words = {True: "included", False: "not included"}
        rule = f"{'[' if start else '('}s,e{']' if end else ')'}"
        return question.found(f"{rule}: start {words[start]}, end {words[end]}")

    def _page(self, wide: Page, recent: Page, days: int) -> Iterator[Finding]:
        most, number = self.api.access.page_limit, len(wide.rows)
        cap = Question("Most rows of an answer", f"{most:,}")
        side = Question("What a full answer leaves out", "the oldest")
        if not wide.times:
            yield cap.cannot_tell("no rows")
            yield side.cannot_tell("no rows")
            return
        older = self._ask(self._now() - days * DAY, min(wide.times) - 1)
        lacks_oldest = any(at < min(wide.times) for at in older.times)
        lacks_newest = any(at > max(wide.times) for at in recent.times)
        if not lacks_oldest and not lacks_newest:
            enough = f"all {number:,} rows of {days} days were shown"
            yield cap.found(f"more than {most:,}", Agrees.HARMLESS) if number > most else cap.cannot_tell(enough)
            yield side.cannot_tell(enough)
            return
        yield cap.compare(f"{number:,}")  # harmless: collection finds it out
        left_out = "the oldest" if lacks_oldest else "the newest"
        yield side.compare("both the oldest and the newest" if lacks_oldest and lacks_newest else left_out)

    def _filters_by(self, sample: Page) -> Finding:
        question = Question("Which time a listing filters by", "the record's own: of the first recipient, for mail")
        row = best_row(sample.rows, lambda row: any(abs(at - (row.time or 0)) > 1 for at in times_in(row)))
        if row is None or row.time is None:
            return question.cannot_tell("no row gives two times that differ by more than a second")
        own = row.time
        other = next(at for at in times_in(row) if abs(at - own) > 1)
        # A second more at each end: whatever rule holds for the ends, only this time is inside.
        if row.content in self._ask(own - 1, own + 1).contents:
            return question.found(question.assumed)
        if row.content in self._ask(other - 1, other + 1).contents:
            return question.found("another time of the record", Agrees.HARMLESS)
        return question.found("a time that its row does not give", Agrees.HARMLESS)

    def _detail(self, sample: Page) -> Iterator[Finding]:
        fields = Question("Does a detail have the listing's fields", f"yes, and {', '.join(DETAIL_FIELDS)}")
        same = Question("Is a detail's time that of its row", "yes")
        row = best_row(sample.rows, lambda row: row.queue_id is not None)
        if row is None or row.queue_id is None or row.time is None:
            yield fields.cannot_tell("no mail that was queued")
            yield same.cannot_tell("no mail that was queued")
            return
        try:
            record = record_of(self.api.detail(row.queue_id, row.time).raw)
        except PermanentError as error:
            if error.cause is Cause.PERMISSION:
                raise
            yield fields.found(f"the detail is refused with {self.status}", Agrees.NO)
            yield same.cannot_tell("there is no detail")
            return
        lacks = sorted(record_of(row.raw).keys() - record.keys())
        more = [name for name in DETAIL_FIELDS if name in record]
        yield fields.compare(
            f"it lacks {field_names(map(field_name, lacks))}"
            if lacks
            else f"yes, and {', '.join(more) or 'none of those assumed'}"
        )
        at = record_time(self.feed.kind.category, record)
        away = "it has none" if at is None else f"it is {at - row.time:+,} s away"
        yield same.found("yes") if at == row.time else same.found(away, Agrees.NO)

    def _looks_back(self) -> Finding:
        kept, now, text = self.feed.kind.kept_days, self._now(), "How far back it answers"
        if kept is not None:
            question = Question(text, f"{kept} days; older windows are refused with 406")
            inside = self._ask(now - (kept - 1) * DAY, now - (kept - 1) * DAY + HOUR)
            older = self._ask(now - kept * DAY - HOUR, now - kept * DAY)
            found = f"{kept - 1} days: {inside}; {kept} days and an hour: {older}"
            # Harmless where even less is refused: collection finds out how far back it may ask.
            as_assumed = not inside.refused and older.refused == 406
            return question.found(found, Agrees.YES if as_assumed else Agrees.HARMLESS)
        question = Question(text, f"about {MAIL_KEPT} days; older windows are empty, not refused")
        pages = {days: self._ask(now - days * DAY, now - (days - 1) * DAY) for days in LOOKS_BACK}
        found = "; ".join(f"{days} days: {page}" for days, page in pages.items())
        refusals = {page.refused for page in pages.values() if page.refused}
        if not refusals and not any(page.rows for page in pages.values()):
            return question.cannot_tell(f"nothing is that old ({found})")
        if refusals - {406}:
            return question.found(found, Agrees.NO)
        as_assumed = not refusals and all(bool(page.rows) == (days < MAIL_KEPT) for days, page in pages.items())
        return question.found(found, Agrees.YES if as_assumed else Agrees.HARMLESS)

    def _longest_window(self, days: int) -> Finding:
        question = Question("Longest window", f"{LONGEST_WINDOW} days; longer ones are refused")
        if self.feed.kind.kept_days is not None:
            return question.cannot_tell(f"it looks back {self.feed.kind.kept_days} days only")
        if days < LONGEST_WINDOW:
            agrees = Agrees.HARMLESS if days else Agrees.NO  # an hour is the longest that is ever asked for
            return question.found(f"{LONGEST_WINDOW} days are refused, {days} are not", agrees)
        now = self._now()
        longer = self._ask(now - (LONGEST_WINDOW + 1) * DAY, now)
        found = f"{LONGEST_WINDOW + 1} days: {longer}"
        return question.found(found, Agrees.YES if longer.refused else Agrees.HARMLESS)

    def _clocks(self) -> Finding:
        question = Question("Clock of the API less this machine's", f"within {CLOCKS_AGREE_WITHIN:.0f} s")
        theirs = self.api.time_at(time.monotonic())
        if theirs is None:
            return question.cannot_tell("its answers carry no Date that can be read")
        ahead = theirs - time.time()
        close = abs(ahead) <= CLOCKS_AGREE_WITHIN
        return question.found(f"{round(ahead):+,} s", Agrees.YES if close else Agrees.HARMLESS)

    def _rate(self) -> Finding:
        shown = ", ".join(f"{name}: {value}" for name, value in sorted(self.rate_headers.items()))
        return Question("Headers about the rate", "unknown").found(scrubbed(shown, self.api.access.key, 300) or "none")
