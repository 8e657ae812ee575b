"""Domains are asked once each, side by side, and a resolver that is away is not asked for ever."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from mailevents_dagster.deliverability.hygiene.domains import PATIENCE, State, Takes, states
from mailevents_dagster.deliverability.hygiene.notes import notes

MAIL = State(Takes.MAIL)
SILENT = State(Takes.UNKNOWN, "no answer")


def test_each_domain_is_asked_once_and_no_more_than_so_many_at_a_time() -> None:
    asked: Counter[str] = Counter()
    at_once, most, lock = 0, 0, threading.Lock()

    def look_up(domain: str) -> State:
        nonlocal at_once, most
        with lock:
            asked[domain] += 1
            at_once += 1
            most = max(most, at_once)
        with lock:
            at_once -= 1
        return MAIL

    names = [f"d{number}.example" for number in range(2000)]
    assert dict(states(names, look_up, at_once=4)) == dict.fromkeys(names, MAIL)
    assert asked == Counter(names)
    assert most <= 4


def test_a_resolver_that_is_away_is_left_alone_and_all_others_stay_unknown() -> None:
    asked: list[str] = []

    def look_up(domain: str) -> State:
        asked.append(domain)
        return SILENT

    found = dict(states((f"d{number}.example" for number in range(50_000)), look_up, at_once=8))
    assert len(found) == 50_000
    assert {state.takes for state in found.values()} == {Takes.UNKNOWN}
    assert len(asked) < PATIENCE + 100


def test_single_domains_that_give_no_answer_stop_nothing() -> None:
    found = dict(states((f"{number}" for number in range(2000)), lambda name: SILENT if int(name) % 2 else MAIL))
    assert Counter(state.takes for state in found.values()) == {Takes.MAIL: 1000, Takes.UNKNOWN: 1000}


def test_a_fault_of_the_program_is_not_taken_for_an_answer() -> None:
    def look_up(_: str) -> State:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(states(["a.example"], look_up))


def test_no_domain_is_no_question() -> None:
    assert not list(states([], lambda _: MAIL))


def test_domains_are_noted_once_and_states_can_be_noted_while_they_are_gone_through() -> None:
    with notes() as remembered:
        remembered.add_domains(f"d{number % 2500}.example" for number in range(5000))
        names = []
        for name in remembered.domains():
            names.append(name)
            remembered.note_state(name, MAIL)
        assert len(names) == len(set(names)) == remembered.count_domains() == 2500
        assert remembered.state("d7.example") == MAIL
        assert remembered.state("other.example") is None


def test_the_first_row_of_an_address_is_remembered() -> None:
    with notes() as remembered:
        assert [remembered.first_row(one, row) for row, one in enumerate(["a@x", "b@x", "a@x", "a@x"], 1)] == [
            None,
            None,
            1,
            1,
        ]
