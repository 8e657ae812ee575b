"""A value is made when it is first asked for: once, and without holding up others of its class."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from mailevents_dagster.files.once import once

PATIENCE = 60


class Holder:
    def __init__(self, make: Callable[[], object]) -> None:
        self.make = make

    @once
    def value(self) -> object:
        return self.make()


def test_threads_that_ask_at_once_get_the_one_that_is_made() -> None:
    together = threading.Barrier(4)
    holder = Holder(object)

    def ask() -> object:
        together.wait(PATIENCE)
        return holder.value

    with ThreadPoolExecutor(4) as threads:
        assert len({id(one) for one in threads.map(lambda _: ask(), range(4))}) == 1


def test_one_that_waits_holds_up_no_other() -> None:
    goes_on = threading.Event()
    slow, quick = Holder(lambda: goes_on.wait(PATIENCE)), Holder(lambda: "made")
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(lambda: slow.value)
        assert quick.value == "made"
        goes_on.set()
        assert waiting.result(PATIENCE)


def test_what_cannot_be_made_is_tried_again() -> None:
    divisors = iter([0, 2])
    holder = Holder(lambda: 10 // next(divisors))
    with pytest.raises(ZeroDivisionError):
        _ = holder.value
    assert holder.value == 5


def test_what_was_deleted_is_made_anew() -> None:
    holder = Holder(iter("ab").__next__)
    assert holder.value == "a"
    del holder.value
    assert holder.value == "b"
