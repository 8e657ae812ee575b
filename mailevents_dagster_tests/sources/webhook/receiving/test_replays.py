"""Which requests were taken already."""

from __future__ import annotations

import pytest

from mailevents_dagster.sources.webhook.receiving import replays
from mailevents_dagster.sources.webhook.receiving.replays import Replays


def test_a_mark_is_taken_once_until_it_is_given_back_or_too_old() -> None:
    now = [1000.0]
    taken = Replays(60, lambda: now[0])
    assert [taken.take("a"), taken.take("a"), taken.take("b")] == [True, False, True]
    taken.give_back("a")
    assert taken.take("a")
    now[0] += 61
    assert taken.take("a")


def test_what_has_no_mark_is_always_new() -> None:
    taken = Replays(60, lambda: 0.0)
    assert taken.take("")
    assert taken.take("")


def test_marks_of_before_are_known() -> None:
    taken = Replays(60, lambda: 1000.0)
    taken.remember([("b", 990.0), ("a", 900.0)])
    assert [taken.take("a"), taken.take("b")] == [True, False]


def test_the_number_of_marks_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replays, "MOST", 10)
    taken = Replays(60, lambda: 1000.0)
    assert all(taken.take(str(number)) for number in range(100))
    assert not taken.take("99")
    assert taken.take("0")
