"""A value is made when it is first asked for: once, and without holding up others of its class."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from mailevents_dagster.files.once import Once

PATIENCE = 60


def test_threads_that_ask_at_once_get_the_one_that_is_made() -> None:
    together = threading.Barrier(4)
    once = Once(object)

    def ask() -> object:
        together.wait(PATIENCE)
        return once()

    with ThreadPoolExecutor(4) as threads:
        assert len({id(one) for one in threads.map(lambda _: ask(), range(4))}) == 1


def test_one_that_waits_holds_up_no_other() -> None:
    goes_on = threading.Event()
    slow, quick = Once(lambda: goes_on.wait(PATIENCE)), Once(lambda: "made")
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(slow)
        assert quick() == "made"
        goes_on.set()
        assert waiting.result(PATIENCE)


def test_what_cannot_be_made_is_tried_again() -> None:
    answers = iter([1 // 1])
    once = Once(lambda: next(answers) / len(failures))
    failures: list[str] = []
    with pytest.raises(ZeroDivisionError):
        once()
    failures.append("one")
    answers = iter([5])
    assert once() == 5
