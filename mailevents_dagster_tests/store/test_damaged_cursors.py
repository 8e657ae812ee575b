"""Cursors that are lost or damaged are never believed: they are made anew from the manifests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mailevents_dagster.files.checksummed import write_sealed
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.store.cursors import Cursor
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.collecting.planned import hour_of, span
from mailevents_dagster_tests.conftest import INCOMING
from mailevents_dagster_tests.store.kept import CURSOR, MANIFEST, commit_hours, fail, root


def path_of(store: Store) -> Path:
    return root(store) / CURSOR


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda whole: b"",
    "half": lambda whole: whole[: len(whole) // 2],
    "bit": lambda whole: whole.replace(b'"first": 1', b'"first": 3', 1),
    "rubbish": lambda whole: b"\xff\xferubbish",
    "zeros": lambda whole: bytes(len(whole)),
    "other json": lambda whole: b"[]",
    "twice": lambda whole: whole * 2,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_cursor_is_set_aside_and_said_and_made_anew_from_the_manifests(store: Store, damage: str) -> None:
    commit_hours(store, 0, 1, 5)
    commit_hours(store, 6, closed=False)
    before, damaged = store.cursor(INCOMING), DAMAGE[damage](path_of(store).read_bytes())
    path_of(store).write_bytes(damaged)

    assert store.readable_cursor(INCOMING) is None
    with pytest.raises(DamagedError, match=r"incominglog\.json"):
        store.cursor(INCOMING)
    with store.open_hour(INCOMING, hour_of(7)) as work:
        assert len(work.notes) == 1
        assert "is not as it was written" in work.notes[0]
        assert "incominglog.json.damaged and made anew from the manifests" in work.notes[0]

    after = store.cursor(INCOMING)
    assert store.readable_cursor(INCOMING) == after
    assert (after.closed, after.open) == (before.closed, before.open)
    assert list(after.failed) == [hour_of(7).start]
    assert path_of(store).with_name("incominglog.json.damaged").read_bytes() == damaged


def test_a_cursor_that_is_whole_and_of_another_form_is_damaged(store: Store) -> None:
    commit_hours(store, 0)
    for content in ({}, {"closed": [1], "open": [], "failed": []}, {"closed": None}):
        write_sealed(path_of(store), content)
        assert store.readable_cursor(INCOMING) is None
        commit_hours(store, 0)
    assert len(list(path_of(store).parent.glob("*.damaged*"))) == 3
    assert store.cursor(INCOMING).closed == (span(0, 1),)


def test_a_lost_cursor_is_made_anew_from_the_manifests(store: Store) -> None:
    commit_hours(store, 0, 1, 5)
    commit_hours(store, 6, closed=False)
    before = store.cursor(INCOMING)
    path_of(store).unlink()
    assert store.readable_cursor(INCOMING) is None
    assert replace(store.cursor(INCOMING), without_strays=()) == Cursor(before.closed, before.open)
    commit_hours(store, 2)
    assert store.readable_cursor(INCOMING) == store.cursor(INCOMING)
    assert store.cursor(INCOMING).closed == (span(0, 3), span(5, 6))


def test_a_feed_that_was_never_collected_has_an_empty_cursor(store: Store) -> None:
    assert store.readable_cursor(INCOMING) == store.cursor(INCOMING) == Cursor()


@pytest.mark.parametrize("damage", [b"", b"{", b"{}", b"rubbish"])
def test_damaged_manifests_say_nothing(store: Store, damage: bytes) -> None:
    commit_hours(store, 0, 1, 2)
    path = root(store) / MANIFEST
    path.with_name("13.json").write_bytes(damage)
    path.with_name("13.json.damaged").write_bytes(path.read_bytes())
    path_of(store).unlink()
    assert store.cursor(INCOMING).closed == (span(0, 1), span(2, 3))


def test_whatever_bit_is_flipped_a_cursor_says_the_same_or_is_damaged(store: Store) -> None:
    fail(store, ValueError("odd"), hour_of(1))
    commit_hours(store, 0)
    commit_hours(store, 2, closed=False)
    said, whole = store.cursor(INCOMING), path_of(store).read_bytes()
    damaged = 0
    for place in range(len(whole)):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        path_of(store).write_bytes(flipped)
        found = store.readable_cursor(INCOMING)
        assert found in (None, said)
        damaged += found is None
    assert damaged > len(whole) // 2
