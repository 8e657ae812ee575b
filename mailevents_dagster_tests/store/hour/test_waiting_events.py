"""Events become parts with those beside them, whenever each of them comes, and wait for one another within bounds."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailevents_dagster.model.event import Detail, Event
from mailevents_dagster.store.hour import waiting_events as waiting_module
from mailevents_dagster.store.hour.waiting_events import EVENTS_OF_A_PART, WaitingEvents
from mailevents_dagster_tests.conftest import START, event

PARTS_OF = 8
FREELY = 10**9


@dataclass
class Watched:
    """What waits, and all that was handed out."""

    waiting: WaitingEvents = field(default_factory=lambda: WaitingEvents(FREELY))
    parts: list[dict[int, Event]] = field(default_factory=list)
    right: dict[int, Event] = field(default_factory=dict)
    """What is to come out in the end."""

    def add(self, awaited: list[bool]) -> range:
        events = [row(len(self.right) + number) for number in range(len(awaited))]
        places = self.waiting.add(events, awaited)
        self.right.update(zip(places, events, strict=True))
        self.parts += self.waiting.ready()
        return places

    def put(self, place: int) -> None:
        self.right[place] = detail(place)
        self.waiting.put(place, self.right[place])
        self.parts += self.waiting.ready()

    @property
    def handed_out(self) -> dict[int, Event]:
        return {place: one for part in self.parts for place, one in part.items()}


def row(number: int) -> Event:
    return event(START + number, f"n{number}", detail=Detail.MISSING, text="r" * (number % 50))


def detail(number: int) -> Event:
    return event(START + number, f"n{number}", text="d" * (number * 31 % 300))


PORTIONS = st.lists(st.lists(st.booleans(), max_size=3 * PARTS_OF), max_size=8)


@given(
    portions=PORTIONS,
    order=st.randoms(use_true_random=False),
    never=st.integers(0, 3),
    bound=st.sampled_from([0, 900, FREELY]),
)
def test_each_event_comes_out_once_as_it_was_told_last(
    portions: list[list[bool]], order: Random, never: int, bound: int
) -> None:
    """Details come in any order, while portions are still added; some never do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(waiting_module, "EVENTS_OF_A_PART", PARTS_OF)
        watched, awaited = Watched(WaitingEvents(bound)), list[int]()
        for portion in portions:
            places = watched.add(portion)
            awaited += [place for place, is_awaited in zip(places, portion, strict=True) if is_awaited]
            order.shuffle(awaited)
            for place in awaited[never:][::2]:
                awaited.remove(place)
                watched.put(place)
        for place in awaited[never:]:
            watched.put(place)
        watched.parts += watched.waiting.rest()
    assert watched.handed_out == watched.right
    assert sum(len(part) for part in watched.parts) == watched.waiting.count == len(watched.right)
    assert all(sorted(part) == list(part) and 0 < len(part) <= PARTS_OF for part in watched.parts)


@given(portions=PORTIONS, order=st.randoms(use_true_random=False))
def test_what_waits_for_others_holds_no_more_than_it_may(portions: list[list[bool]], order: Random) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(waiting_module, "EVENTS_OF_A_PART", PARTS_OF)
        watched, awaited = Watched(WaitingEvents(900)), set[int]()
        for portion in portions:
            places = watched.add(portion)
            awaited |= {place for place, is_awaited in zip(places, portion, strict=True) if is_awaited}
            for place in order.sample(sorted(awaited), len(awaited) // 2):
                awaited.remove(place)
                watched.put(place)
                waiting = watched.right.keys() - watched.handed_out.keys() - awaited
                assert sum(len(watched.right[one].raw) for one in waiting) <= 900


def test_a_portion_becomes_one_part_once_its_last_event_is_here() -> None:
    watched = Watched()
    first, second = watched.add([True] * 1000), watched.add([True, False] * 500)
    for place in [*second[::2], *first[1:]]:
        assert [*watched.handed_out] in ([], [*second])
        watched.put(place)
    watched.put(first[0])
    assert [[*part] for part in watched.parts] == [[*second], [*first]]


def test_small_portions_share_a_part() -> None:
    watched = Watched()
    for _ in range(EVENTS_OF_A_PART):
        watched.add([False])
    assert [len(part) for part in watched.parts] == [EVENTS_OF_A_PART // 2] * 2
