"""A message goes with the last hour that needs it, and never sooner."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.store.blob_removal import Removed, remove_unneeded
from mailevents_dagster.store.destruction import destroying
from mailevents_dagster.store.inventory import Inventory
from mailevents_dagster.store.retention import Hold, Retention
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import NOON, START
from mailevents_dagster_tests.store.mailbox_hours import (
    FUND,
    OTHER,
    commit_messages,
    digest_of,
    mailbox_store,
    make_old,
    message,
    texts_of,
)

pytestmark = pytest.mark.usefixtures("from_this_autumn_on")

DAY = 86_400.0
FOR_EVER = Retention()
ONE = NOON.next


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return mailbox_store(tmp_path / "data")


def destroy(store: Store, hour: Hour = NOON, feed: Feed = FUND) -> None:
    end = START + 50 * DAY
    files = Inventory(store.layout, store.timezone, end).files(feed, end).get(hour, [])
    with destroying(store, feed, hour, files, "mailbox_days: 90", lambda _: None):
        pass


def remove(store: Store, retention: Retention = FOR_EVER, now: float | None = None) -> Removed:
    return remove_unneeded(store, retention, time.time() if now is None else now)


def notes(store: Store) -> list[str]:
    folder = Path(str(store.layout.doomed_blobs))
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_the_messages_of_a_destroyed_hour_go_and_those_of_others_stay(store: Store) -> None:
    commit_messages(store, ["a", None, "b"])
    commit_messages(store, ["c"], hour=ONE)
    make_old(store, 2 * DAY)
    sizes = sum(path.stat().st_size for name in "ab" if (path := store.blobs.path(digest_of(name))))
    destroy(store)
    assert texts_of(store, "a", "b", "c") == {"a", "b", "c"}
    assert remove(store) == Removed(2, sizes, 0)
    assert texts_of(store, "a", "b", "c") == {"c"}
    assert notes(store) == []
    assert remove(store) == Removed()


@pytest.mark.parametrize(("feed", "hour"), [(FUND, ONE), (OTHER, NOON), (OTHER, ONE)])
def test_what_another_hour_needs_stays_until_that_goes_too(feed: Feed, hour: Hour, store: Store) -> None:
    commit_messages(store, ["a", "both"])
    commit_messages(store, ["both", "c"], feed, hour)
    make_old(store, 2 * DAY)
    destroy(store)
    assert remove(store).blobs == 1
    assert texts_of(store, "a", "both", "c") == {"both", "c"}
    destroy(store, hour, feed)
    assert remove(store).blobs == 2
    assert texts_of(store, "a", "both", "c") == set()


def test_what_a_journal_names_stays_until_it_is_known_what_becomes_of_it(store: Store) -> None:
    commit_messages(store, ["a", "b"])
    make_old(store, 2 * DAY)
    one = message(store, ONE.start, "a")
    make_old(store, 2 * DAY)
    with store.open_hour(FUND, ONE) as work:  # as of a process that was killed two days ago
        work.journal.record(one.identity, one.listing, one.raw)
    destroy(store)
    assert remove(store).blobs == 1
    assert texts_of(store, "a", "b") == {"a"}


def test_what_was_written_within_a_day_waits_since_an_hour_may_be_about_to_name_it(store: Store) -> None:
    commit_messages(store, ["a", "b"])
    make_old(store, 2 * DAY)
    destroy(store)
    message(store, ONE.start, "a")  # collected just now, and not committed yet
    removed = remove(store)
    assert (removed.blobs, removed.waiting) == (1, 1)
    assert texts_of(store, "a", "b") == {"a"}
    assert len(notes(store)) == 1
    commit_messages(store, ["a"], hour=ONE)
    make_old(store, 2 * DAY)
    assert remove(store) == Removed()
    assert texts_of(store, "a") == {"a"}
    assert notes(store) == []


def test_without_a_trusted_time_nothing_goes(store: Store) -> None:
    commit_messages(store, ["a"])
    destroy(store)
    assert remove(store, now=0.0) == Removed(waiting=1)
    assert texts_of(store, "a") == {"a"}


def test_where_a_snapshot_cannot_be_read_nothing_goes_until_it_can(store: Store) -> None:
    commit_messages(store, ["a"])
    commit_messages(store, ["b"], hour=ONE)
    make_old(store, 2 * DAY)
    destroy(store)
    path = store.layout.snapshot(FUND, ONE)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(DamagedError, match=r"13\.parquet"):
        remove(store)
    assert texts_of(store, "a") == {"a"}
    path.write_bytes(whole)
    assert remove(store).blobs == 1


def test_an_hour_with_a_damaged_snapshot_has_its_messages_found_by_its_log(store: Store) -> None:
    commit_messages(store, ["a"])
    make_old(store, 2 * DAY)
    store.layout.snapshot(FUND, NOON).write_bytes(b"rubbish")
    destroy(store)
    assert remove(store).blobs == 1


def test_the_messages_in_the_journal_of_a_destroyed_hour_go_with_it(store: Store) -> None:
    commit_messages(store, ["a"])
    one = message(store, START, "b")
    with store.open_hour(FUND, NOON) as work:
        work.journal.record(one.identity, one.listing, one.raw)
    make_old(store, 2 * DAY)
    destroy(store)
    assert remove(store).blobs == 2


def test_a_note_with_rubbish_in_it_harms_nothing(store: Store) -> None:
    commit_messages(store, ["a"])
    make_old(store, 2 * DAY)
    folder = store.layout.doomed_blobs
    folder.mkdir()
    (folder / "0.txt").write_text(f"../../../etc\n{digest_of('a')}\n\nx/y\n")
    assert remove(store) == Removed()
    assert texts_of(store, "a") == {"a"}
    assert notes(store) == []


class TestLeftovers:
    """Messages that no hour ever named: whoever wrote them was killed before the hour was committed."""

    DAYS = Retention({"mailbox": 90})

    @pytest.fixture(autouse=True)
    def _leftover(self, store: Store) -> None:
        commit_messages(store, ["a"])
        message(store, START, "nobody's")

    def test_go_once_all_hours_that_could_need_them_have_expired(self, store: Store) -> None:
        make_old(store, 89 * DAY)
        assert remove(store, self.DAYS) == Removed()
        make_old(store, 2 * DAY)
        assert remove(store, self.DAYS).blobs == 1
        assert texts_of(store, "a", "nobody's") == {"a"}

    @pytest.mark.parametrize(
        "retention",
        [
            FOR_EVER,
            Retention({"mail": 90}),
            Retention({"mailbox": 9000}),
            Retention({"mailbox": 90}, (Hold("fund@* *", None, None, "a lawsuit"),)),
        ],
    )
    def test_stay_where_messages_are_kept_or_held(self, retention: Retention, store: Store) -> None:
        make_old(store, 900 * DAY)
        assert remove(store, retention) == Removed()
        assert texts_of(store, "nobody's") == {"nobody's"}

    def test_half_written_ones_go_after_a_day(self, store: Store) -> None:
        half = Path(str(store.layout.blobs)) / ".abc.partial"
        half.write_bytes(b"half")
        remove(store)
        assert half.exists()
        make_old(store, 2 * DAY)
        remove(store)
        assert not half.exists()


def test_an_object_store_loses_the_same(tmp_path: Path, bucket: str) -> None:
    store = Store(bucket, "UTC", "x_%H", mailbox_store(tmp_path).kinds, scratch=tmp_path)
    commit_messages(store, ["a", "both"])
    commit_messages(store, ["both"], hour=ONE)
    destroy(store)
    assert remove(store) == Removed(waiting=1)
    assert remove(store, now=time.time() + 2 * DAY).blobs == 1
    assert texts_of(store, "a", "both") == {"both"}


class KilledError(BaseException):
    """The process ends here."""


@pytest.mark.slow
def test_after_a_kill_at_any_step_the_next_run_removes_the_rest_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = {name: getattr(os, name) for name in ("replace", "fsync", "unlink", "rmdir")}

    def stepwise(do: Callable[..., Any], steps: Any, place: int) -> Callable[..., Any]:
        def done(*arguments: Any, **named: Any) -> Any:
            if next(steps) >= place:
                raise KilledError
            return do(*arguments, **named)

        return done

    for place in range(0, 100, 2):
        store = mailbox_store(tmp_path / str(place))
        commit_messages(store, ["a", "both", "b"])
        commit_messages(store, ["both"], OTHER)
        make_old(store, 2 * DAY)
        steps = iter(range(10_000))
        with monkeypatch.context() as patched:
            for name, do in real.items():
                patched.setattr(os, name, stepwise(do, steps, place))
            try:
                destroy(store)
                remove(store)
            except KilledError:
                ended = False
            else:
                ended = True
        destroy(store)
        remove(store)
        assert texts_of(store, "a", "both", "b") == {"both"}, place
        assert notes(store) == []
        if ended:
            assert place > 15
            return
    raise AssertionError("it never ended")
