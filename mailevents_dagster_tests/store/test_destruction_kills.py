"""A destruction that is killed or refused in between: the record comes first, and the next run ends it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mailevents_dagster.store import destruction
from mailevents_dagster.store.destruction import destroying
from mailevents_dagster.store.destruction_record import DestroyedError
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import (
    INCOMING,
    NOON,
    START,
    event,
    make_store,
)
from mailevents_dagster_tests.store.destroying import (
    BEGUN,
    JOURNAL,
    RECORD,
    RULE,
    destroy,
    inventory,
    kept,
    leave,
    never,
)
from mailevents_dagster_tests.store.kept import LOG, MANIFEST, SNAPSHOT, commit

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("from_this_autumn_on")]


class KilledError(BaseException):
    """The process ends here."""


@pytest.fixture
def kill_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Ends what goes on at its so-manieth flush, rename or removal; those before were done."""

    def arm(place: int) -> None:
        steps = iter(range(10_000))

        def stepwise(real: Callable[..., Any]) -> Callable[..., Any]:
            def done(*arguments: Any, **named: Any) -> Any:
                if next(steps) >= place:
                    raise KilledError
                return real(*arguments, **named)

            return done

        for name in ("replace", "fsync", "unlink", "rmdir"):
            monkeypatch.setattr(os, name, stepwise(real[name]))

    real = {name: getattr(os, name) for name in ("replace", "fsync", "unlink", "rmdir")}
    return arm


def states_of_a_destruction(tmp_path: Path, kill_at: Callable[[int], None]) -> Iterator[Store]:
    """A store for each step at which destroying an hour was killed."""
    for place in range(100):
        store = make_store(tmp_path / str(place))
        commit(store, [event(START)])
        leave(store, JOURNAL, f"{LOG}.damaged")
        kill_at(place)
        try:
            destroy(store)
        except KilledError:
            kill_at(10_000)
            yield store
        else:
            kill_at(10_000)
            assert place > 12
            return
    raise AssertionError("it never ended")


def test_after_a_kill_at_any_step_the_record_was_there_before_anything_went_and_the_next_run_ends_it(
    tmp_path: Path, kill_at: Callable[[int], None]
) -> None:
    for store in states_of_a_destruction(tmp_path, kill_at):
        there = set(kept(store))
        everything = {LOG, SNAPSHOT, JOURNAL, f"{LOG}.damaged"}
        assert MANIFEST in there
        if everything - there:
            assert BEGUN in there, "something went and no record says so"
            with pytest.raises(DestroyedError), store.open_hour(INCOMING, NOON):
                pytest.fail("it was opened")

        record = destroy(store)

        assert record, "it was not handed out again"
        assert {file.path for file in record.files} == everything
        assert set(kept(store)) == {MANIFEST, RECORD}
        assert store.cursor(INCOMING).is_closed(START)
        assert store.feed_cursor(INCOMING).rebuilt() == store.cursor(INCOMING) or store.cursor(INCOMING).committed_at
        assert inventory(store) == {}


def test_a_record_whose_reader_did_not_end_is_handed_out_again(store: Store) -> None:
    commit(store, [event(START)])
    with pytest.raises(KilledError), destroying(store, INCOMING, NOON, inventory(store)[NOON], RULE, never):
        raise KilledError
    assert list(inventory(store)) == [NOON]
    record = destroy(store)
    assert record
    assert record.events == 1
    assert inventory(store) == {}


def test_a_disk_that_refuses_leaves_the_rest_for_the_next_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(store, [event(START)])
    with monkeypatch.context() as patched:
        patched.setattr(destruction, "_delete", lambda *_: (_ for _ in ()).throw(PermissionError(13, "no", "x")))
        with pytest.raises(PermissionError):
            destroy(store)
    assert {LOG, SNAPSHOT, BEGUN} <= set(kept(store))
    assert destroy(store)
