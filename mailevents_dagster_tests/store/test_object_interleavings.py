"""Two who collect an hour on an object store at once, no lock between them, in any order of their requests.

Their turns are given one request at a time. The store is obstore's in memory, which keeps conditions as S3 does.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from itertools import count
from pathlib import Path
from typing import Any

import obstore
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.files import objects
from mailevents_dagster.model.event import Event
from mailevents_dagster.store import feed_cursor, store
from mailevents_dagster.store.hour import open_hour
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import INCOMING, NOON, START, collection, event
from mailevents_dagster_tests.store.kept import commit, known, unguarded

NUMBER = int(os.environ.get("MAILEVENTS_INTERLEAVINGS", "40"))
PATIENCE = 300
COMMON, FIRST, SECOND = event(START + 5), event(START + 7, "first's"), event(START + 9, "second's")
names = (f"s3://memory-{number}/prefix" for number in count())


class KilledError(BaseException):
    """The process ends here."""


class Turns:
    """Lets two threads make their requests in this order; those that are left when it ends go on as they come."""

    def __init__(self, order: Sequence[int], lives: int | None = None) -> None:
        """The first thread ends after so many requests."""
        self._lives = lives
        self._order = [*order]
        self._changed = threading.Condition()
        self._done: set[int] = set()
        self.taken: list[int] = []
        self.who = threading.local()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for the thread's turn, which lasts as long as the block."""
        me = getattr(self.who, "number", None)
        if me is None:
            yield
            return
        with self._changed:
            assert self._changed.wait_for(lambda: self._next() in (me, None), PATIENCE)
            if me == 0 and self.taken.count(0) == self._lives:
                raise KilledError
            yield
            if self._order:
                self._order.pop(0)
            self.taken.append(me)
            self._changed.notify_all()

    def end(self, number: int) -> None:
        with self._changed:
            self._done.add(number)
            self._changed.notify_all()

    def _next(self) -> int | None:
        while self._order and self._order[0] in self._done:
            self._order.pop(0)
        return self._order[0] if self._order else None


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Callable[[Turns | None], None]:
    """Object stores in memory; returns what gives their requests turns."""
    stores: dict[str, obstore.store.MemoryStore] = {}
    turns: list[Turns | None] = [None]
    real = objects.asked

    def asked(path: Any, ask: Callable[..., Any]) -> Any:
        with turns[0].turn() if turns[0] else nullcontext():
            return real(path, ask)

    monkeypatch.setattr(objects, "_bucket", lambda name, _: stores.setdefault(name, obstore.store.MemoryStore()))
    monkeypatch.setattr(objects, "asked", asked)
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(open_hour, "PAUSE", 0)
    monkeypatch.setattr(feed_cursor, "PAUSE", 0)
    monkeypatch.setattr(store, "describe_objects", lambda *_: True)

    def give(given_turns: Turns | None) -> None:
        turns[0] = given_turns

    return give


def collect_both(folder: Path, give: Callable[[Turns | None], None], order: Sequence[int], *, is_new: bool) -> Turns:
    """Has two processes' worth of collections take these turns, and looks at what is kept then."""
    storage = next(names)
    if not is_new:
        commit(unguarded(storage, scratch=folder / "before"), collection([COMMON], closed=False))
    turns, errors = Turns(order), list[BaseException]()

    def collect(number: int, own: Event) -> None:
        turns.who.number = number
        try:
            commit(unguarded(storage, scratch=folder / str(number)), collection([COMMON, own], closed=bool(number)))
        except BaseException as error:
            errors.append(error)
        finally:
            turns.end(number)

    let_both(collect, give, turns)
    assert not errors, errors
    assert_nothing_is_lost_or_twice(unguarded(storage, scratch=folder / "after"))
    return turns


def let_both(collect: Callable[[int, Event], None], give: Callable[[Turns | None], None], turns: Turns) -> None:
    """Lets two threads, with an event of its own each, make their requests in these turns."""
    threads = [threading.Thread(target=collect, args=(number, own)) for number, own in enumerate((FIRST, SECOND))]
    give(turns)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    give(None)


def assert_nothing_is_lost_or_twice(kept: Store) -> None:
    assert [one.time for one in known(kept)] == [START + 5, START + 7, START + 9]
    manifest = kept.manifest(INCOMING, NOON)
    assert manifest
    assert manifest.events == 3
    for file in (manifest.log, manifest.snapshot):
        assert hashlib.sha256((kept.layout.root / file.path).read_bytes()).hexdigest() == file.sha256
    cursor = kept.cursor(INCOMING)
    assert (cursor.closed, dict(cursor.open), dict(cursor.failed)) == (((START, START + 3600),), {}, {})


@pytest.mark.parametrize("is_new", [True, False], ids=["new", "known"])
def test_one_alone_makes_few_requests(tmp_path: Path, memory: Any, *, is_new: bool) -> None:
    turns = collect_both(tmp_path, memory, [0] * 100, is_new=is_new)
    assert turns.taken.index(1) <= 11, "a list takes two turns: one to begin it, and one for its page"


@pytest.mark.slow
@pytest.mark.parametrize("is_new", [True, False], ids=["new", "known"])
@pytest.mark.parametrize("stops_at", range(10))
def test_whoever_sleeps_at_any_request_loses_and_repeats_nothing(
    tmp_path: Path, memory: Any, stops_at: int, *, is_new: bool
) -> None:
    """The second begins when the first sleeps, sleeps at each of its own requests, and goes on when the first ended."""
    for sleeps_at in range(11):
        folder = tmp_path / str(sleeps_at)
        collect_both(folder, memory, [*[0] * stops_at, *[1] * sleeps_at, *[0] * 100, *[1] * 100], is_new=is_new)


@pytest.mark.parametrize("is_new", [True, False], ids=["new", "known"])
@pytest.mark.parametrize("stops_at", range(10))
def test_whoever_wakes_up_late_changes_nothing(tmp_path: Path, memory: Any, stops_at: int, *, is_new: bool) -> None:
    """One more request of the first, which then ends, once the second has committed."""
    storage = next(names)
    if not is_new:
        commit(unguarded(storage, scratch=tmp_path / "before"), collection([COMMON], closed=False))
    turns = Turns([*[0] * stops_at, *[1] * 100, *[0] * 100], stops_at + 1)
    kept, seen = unguarded(storage, scratch=tmp_path / "second"), list[object]()

    def collect(number: int, own: Event) -> None:
        turns.who.number = number
        with suppress(KilledError):
            commit(unguarded(storage, scratch=tmp_path / str(number)), collection([COMMON, own]))
        if number:
            turns.who.number = None
            seen.extend(content(kept))
        turns.end(number)

    let_both(collect, memory, turns)
    assert content(kept) == seen
    commit(kept, [COMMON, FIRST])
    assert_nothing_is_lost_or_twice(kept)


def content(kept: Store) -> list[object]:
    """What is in the files of the hour."""
    paths = (
        kept.layout.snapshot(INCOMING, NOON),
        kept.layout.log(INCOMING, NOON),
        kept.layout.manifest(INCOMING, NOON),
    )
    return [objects.read_tagged(path) for path in paths]


@pytest.mark.slow
@given(order=st.lists(st.integers(0, 1), max_size=40), is_new=st.booleans())
@settings(max_examples=NUMBER)
def test_any_turns_lose_and_repeat_nothing(tmp_path: Path, memory: Any, order: Sequence[int], *, is_new: bool) -> None:
    folder = tmp_path / str(next(FOLDERS))
    collect_both(folder, memory, order, is_new=is_new)


FOLDERS = count()
