"""An API in memory with every habit that listings must cope with, and what comes of listing it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Generic, TypeVar

from hypothesis import strategies as st

from mailevents_dagster.model.event import Gap
from mailevents_dagster.sources.uzmanposta.listing import list_window
from mailevents_dagster.sources.uzmanposta.page_size import PageSize
from mailevents_dagster.sources.uzmanposta.window import Row

BOUNDS = ("[s,e]", "[s,e)", "(s,e]", "(s,e)")
PAGE = 1000
HOUR = 3600

R = TypeVar("R", bound=Row)


@dataclass(frozen=True)
class Listed(Generic[R]):
    """A listing with its rows one by one."""

    rows: list[tuple[int, R]]
    strays: list[tuple[int, R]]
    gaps: tuple[Gap, ...]
    calls: int


def listed(ask: Callable[[int, int], Sequence[R]], start: int, end: int, page_limit: int) -> Listed[R]:
    listing = list_window(ask, start, end, PageSize(page_limit, whole=page_limit), pack=list)
    rows = [pair for pack in listing.packs for pair in pack]
    strays = [(time, row) for time, row in listing.outside if not start - 1 <= time <= end]
    return Listed(rows, strays, listing.gaps, listing.calls)


@dataclass(frozen=True)
class FakeRow:
    """A row that says a number; two rows of one time and number are equal."""

    time: int | None
    number: int
    at: int | None = None
    """The time it is listed at, where that is not its own."""

    @property
    def content(self) -> bytes:
        return f"{self.time} {self.number}".encode()

    @property
    def listed_at(self) -> int:
        time = self.time if self.at is None else self.at
        assert time is not None
        return time


@dataclass
class FakeApi:
    """An API of which every rule can be chosen."""

    rows: list[FakeRow]
    bounds: str = "[s,e]"
    cap: str = "newest"
    order: str = "newest_first"
    page_limit: int = PAGE
    random: Random | None = None
    """Shuffles the rows of a second anew for each call."""
    calls: list[tuple[int, int]] = field(default_factory=list)
    before_call: Callable[[FakeApi, int], None] = lambda api, call: None

    def ask(self, start: int, end: int) -> Sequence[FakeRow]:
        self.before_call(self, len(self.calls))
        self.calls.append((start, end))
        first, last = start + (self.bounds[0] == "("), end - (self.bounds[-1] == ")")
        inside = [row for row in self.rows if first <= row.listed_at <= last]
        if self.random:
            self.random.shuffle(inside)
        inside.sort(key=lambda row: row.listed_at)
        page = inside[-self.page_limit :] if self.cap == "newest" else inside[: self.page_limit]
        return page[::-1] if self.order == "newest_first" else page

    def listing(self, start: int = 0, end: int = HOUR) -> Listed[FakeRow]:
        listing = listed(self.ask, start, end, self.page_limit)
        assert listing.calls == len(self.calls)
        assert [time for time, _ in listing.rows] == sorted(time for time, _ in listing.rows)
        return listing


def spread(number: int, *, seconds: int = HOUR, seed: int = 1) -> list[FakeRow]:
    random = Random(seed)
    return [FakeRow(random.randrange(seconds), index) for index in range(number)]


def rows_of(listing: Listed[FakeRow]) -> Counter[FakeRow]:
    return Counter(row for _, row in listing.rows)


rules = st.builds(
    FakeApi,
    rows=st.just([]),
    bounds=st.sampled_from(BOUNDS),
    cap=st.sampled_from(["newest", "oldest"]),
    order=st.sampled_from(["newest_first", "oldest_first"]),
    page_limit=st.sampled_from([1, 2, 3, 5, 10, 20]),
    random=st.one_of(st.none(), st.randoms(use_true_random=False)),
)


@st.composite
def windows(draw: st.DrawFn) -> tuple[int, int, list[FakeRow]]:
    """A window and rows in and around it, spread out or crowded at its ends and its middle, some of them equal."""
    start, length = 1000, draw(st.sampled_from([1, 2, 10, 100, HOUR]))
    crowded = [start - 1, start, start + length // 2, start + length - 1, start + length]
    times = draw(st.sampled_from([st.integers(start - 3, start + length + 2), st.sampled_from(crowded)]))
    rows = draw(st.lists(st.builds(FakeRow, times, st.integers(0, 5)), max_size=80))
    return start, start + length, rows
