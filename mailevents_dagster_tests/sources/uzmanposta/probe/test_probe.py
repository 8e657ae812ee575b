"""The probe against every behaviour of the simulated API: each answer is right for each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mailevents_dagster.files.json_text import one_line
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.sources.uzmanposta.probe_findings import Agrees
from mailevents_dagster.sources.uzmanposta.simulator import Answer, FixedMail, Simulator
from mailevents_dagster_tests.conftest import AUTHENTICATION, DOMAIN, INCOMING, mail
from mailevents_dagster_tests.sources.uzmanposta.probe.probing import BOUNDS, DAY, HOLD, Ask, row, rows


@pytest.mark.parametrize("bounds", BOUNDS)
def test_it_tells_which_ends_a_window_includes(
    bounds: Any, ask: Ask, api: Simulator, fixed: FixedMail, now: int
) -> None:
    fixed.add(DOMAIN, INCOMING.name, rows(now, 20))
    api.behaviour = replace(api.behaviour, bounds=bounds)

    told = ask()["Does a window"]

    assert told.found.startswith(f"{bounds}: ")
    assert told.agrees is Agrees.YES  # whichever it is


@pytest.mark.parametrize("bounds", BOUNDS)
def test_the_ends_and_the_time_are_told_from_mails_that_say_two_times(
    bounds: Any, ask: Ask, api: Simulator, fixed: FixedMail, now: int
) -> None:
    fixed.add(DOMAIN, INCOMING.name, [row(now - 100 * place, f"Q{place}") for place in range(1, 9)])
    api.behaviour = replace(api.behaviour, bounds=bounds)

    told = ask()

    found = told["Does a window"].found
    assert found.startswith(f"{bounds}: ") or (bounds == "(s,e)" and "cannot tell" in found)
    assert told["Which time a"].agrees is Agrees.YES


@pytest.mark.parametrize(
    ("away", "agrees"), [(-2, "another time of the record"), (-500, "a time that its row does not give")]
)
def test_a_listing_that_filters_by_another_time_differs(
    away: int, agrees: str, ask: Ask, fixed: FixedMail, now: int
) -> None:
    for place in range(1, 9):
        at = now - 1000 * place
        fixed.add(DOMAIN, INCOMING.name, [row(at, f"Q{place}")], at=at + away)

    told = ask()["Which time a"]

    assert (told.found, told.agrees) == (agrees, Agrees.HARMLESS)


@pytest.mark.parametrize(
    ("order", "found", "agrees"),
    [("newest_first", "newest first", Agrees.YES), ("oldest_first", "oldest first", Agrees.HARMLESS)],
)
def test_it_tells_the_order_of_rows(
    order: Any, found: str, agrees: Agrees, ask: Ask, api: Simulator, fixed: FixedMail, now: int
) -> None:
    fixed.add(DOMAIN, INCOMING.name, rows(now, 20))
    api.behaviour = replace(api.behaviour, order=order)
    told = ask()["Order of the"]
    assert (told.found, told.agrees) == (found, agrees)


def test_rows_in_no_order_are_told(ask: Ask, api: Simulator, fixed: FixedMail, now: int) -> None:
    mixed = [mail(now - 100), mail(now - 300), mail(now - 200)]
    api.fail_next("/logs/mail", Answer(body=one_line(mixed)), times=2)
    assert ask()["Order of the"].found == "neither newest nor oldest first"


@pytest.mark.parametrize(
    ("cap", "left_out", "agrees"), [("newest", "the oldest", Agrees.YES), ("oldest", "the newest", Agrees.HARMLESS)]
)
@pytest.mark.parametrize("order", ["newest_first", "oldest_first"])
def test_it_tells_what_a_full_answer_leaves_out(
    cap: Any, left_out: str, agrees: Agrees, order: Any, ask: Ask, api: Simulator, fixed: FixedMail, now: int
) -> None:
    fixed.add(DOMAIN, INCOMING.name, rows(now, 1200))
    api.behaviour = replace(api.behaviour, cap=cap, order=order)

    told = ask()

    assert (told["Most rows of"].found, told["Most rows of"].agrees) == ("1,000", Agrees.YES)
    assert (told["What a full"].found, told["What a full"].agrees) == (left_out, agrees)


@pytest.mark.parametrize("cap", ["newest", "oldest"])
def test_answers_that_are_full_with_fewer_rows_than_assumed_matter(
    cap: Any, ask: Ask, api: Simulator, fixed: FixedMail, now: int
) -> None:
    fixed.add(DOMAIN, INCOMING.name, rows(now, 120))
    api.behaviour = replace(api.behaviour, page_limit=100, cap=cap)
    told = ask()["Most rows of"]
    assert (told.found, told.agrees) == ("100", Agrees.HARMLESS)


def test_answers_with_more_rows_than_assumed_are_harmless(ask: Ask, api: Simulator, fixed: FixedMail, now: int) -> None:
    fixed.add(DOMAIN, INCOMING.name, rows(now, 1200))
    api.behaviour = replace(api.behaviour, page_limit=5000)
    told = ask()["Most rows of"]
    assert (told.found, told.agrees) == ("more than 1,000", Agrees.HARMLESS)


def test_too_few_rows_tell_nothing_about_full_answers(ask: Ask, fixed: FixedMail, now: int) -> None:
    fixed.add(DOMAIN, INCOMING.name, rows(now, 20))
    told = ask()
    assert told["Most rows of"].agrees is told["What a full"].agrees is Agrees.UNKNOWN
    assert told["Most rows of"].found == "cannot tell: all 20 rows of 14 days were shown"


@pytest.mark.parametrize("feed", [INCOMING, AUTHENTICATION, HOLD], ids=str)
def test_without_a_single_row_it_says_what_cannot_be_told(feed: Feed, ask: Ask) -> None:
    told = ask(feed, wait=1)
    assert not [one for one in told.values() if one.agrees in (Agrees.NO, Agrees.HARMLESS)]
    for question in ("Order of the", "Does a window", "Most rows of", "Times in records", "Fields of a"):
        assert told[question].found.startswith("cannot tell: ")


def test_a_detail_is_the_row_and_more(ask: Ask, fixed: FixedMail, now: int) -> None:
    fixed.add(DOMAIN, INCOMING.name, rows(now, 20))
    told = ask()
    assert told["Does a detail"].agrees is told["Is a detail's"].agrees is Agrees.YES


@pytest.mark.parametrize(
    ("change", "question", "found", "agrees"),
    [
        (lambda one: one.pop("subject"), "Does a detail", "it lacks subject", Agrees.HARMLESS),
        (lambda one: one.update(logs=[]), "Does a detail", "yes, and logs", Agrees.HARMLESS),
        (lambda one: one["recipients"][0].update(time=one["time"] + 7), "Is a detail's", "it is +7 s away", Agrees.NO),
        (lambda one: [one.pop("recipients"), one.pop("time")], "Is a detail's", "it has none", Agrees.NO),
    ],
)
def test_a_detail_that_is_not_the_row_is_told(
    change: Callable[[dict[str, Any]], object], question: str, found: str, agrees: Agrees, ask: Ask, api: Simulator,
    fixed: FixedMail, now: int,
) -> None:  # fmt: skip
    fixed.add(DOMAIN, INCOMING.name, [mail(now - 100, "Q1", subject="secret")])
    detail = mail(now - 100, "Q1", subject="secret")
    change(detail)
    api.fail_next("/logs/mail/", Answer(body=one_line(detail)))
    told = ask()[question]
    assert (told.found, told.agrees) == (found, agrees)


def test_a_detail_that_is_refused_is_told(ask: Ask, api: Simulator, fixed: FixedMail, now: int) -> None:
    fixed.add(DOMAIN, INCOMING.name, [mail(now - 100, "Q1")])
    api.fail_next("/logs/mail/", Answer(404))
    told = ask()["Does a detail"]
    assert (told.found, told.agrees) == ("the detail is refused with 404", Agrees.NO)


@pytest.mark.parametrize(
    ("days", "agrees"), [(2, Agrees.UNKNOWN), (12, Agrees.YES), (20, Agrees.HARMLESS), (40, Agrees.HARMLESS)]
)
def test_it_tells_how_far_back_mail_is_answered(
    days: int, agrees: Agrees, ask: Ask, fixed: FixedMail, now: int
) -> None:
    fixed.add(DOMAIN, INCOMING.name, rows(now, 100, days))
    assert ask()["How far back"].agrees is agrees


@pytest.mark.parametrize(("status", "agrees"), [(406, Agrees.HARMLESS), (400, Agrees.NO)])
def test_old_mail_that_is_refused_differs(
    status: int, agrees: Agrees, ask: Ask, api: Simulator, fixed: FixedMail, now: int
) -> None:
    fixed.add(DOMAIN, INCOMING.name, rows(now, 100, 12))
    old = now - 15 * DAY
    api.fail_next(lambda request: int(request.params.get("starttime", now)) < old - 60, Answer(status), times=None)
    assert ask()["How far back"].agrees is agrees


def test_quarantine_is_refused_beyond_seven_days_as_assumed(ask: Ask) -> None:
    told = ask(HOLD)
    assert told["How far back"].found == "6 days: 0 rows; 7 days and an hour: refused with 406"
    assert told["How far back"].agrees is Agrees.YES
    assert told["Longest window"].agrees is Agrees.UNKNOWN


def test_quarantine_that_is_kept_for_less_is_told(ask: Ask, api: Simulator, now: int) -> None:
    old = now - 5 * DAY
    api.fail_next(lambda request: int(request.params["starttime"]) < old, Answer(406), times=None)
    assert ask(HOLD)["How far back"].agrees is Agrees.HARMLESS
