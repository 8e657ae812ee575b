"""The probe against every behaviour of the simulated API: each answer is right for each of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from mailevents_dagster.files.json_text import one_line
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.sources.uzmanposta.access import Access
from mailevents_dagster.sources.uzmanposta.errors import PermanentError
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.probe import calls_needed, probe
from mailevents_dagster.sources.uzmanposta.probe_findings import Agrees, Finding
from mailevents_dagster.sources.uzmanposta.simulator import Answer, Behaviour, FixedMail, Simulator
from mailevents_dagster_tests.conftest import AUTHENTICATION, DOMAIN, INCOMING, KEY, mail

DAY = 86_400
HOLD = feed_of(DOMAIN, "quarantine/hold")
BOUNDS = ("[s,e]", "[s,e)", "(s,e]", "(s,e)")
SETTLES = 600.0
Ask = Callable[..., dict[str, Finding]]


@pytest.fixture
def now() -> int:
    return int(time.time())


@pytest.fixture
def api(fixed: FixedMail) -> Iterator[Simulator]:
    with Simulator(source=fixed) as running:
        yield running


@pytest.fixture
def ask(api: Simulator) -> Ask:
    """What the probe says, by the beginning of each question; it makes no more calls than it says beforehand."""

    def answers(feed: Feed = INCOMING, wait: float = 0, **access: Any) -> dict[str, Finding]:
        api.calls.clear()
        reached = Access(DOMAIN, api.base_url, KEY, max_attempts=1, **access)
        told, calls = probe(reached, feed, SETTLES, wait, sleep=lambda _: None)
        assert calls == api.calls.count() <= calls_needed(feed, waits=wait > 0)
        for one in told:
            assert not any(word in one.found for word in (KEY, "@", DOMAIN, "secret"))
        return {" ".join(one.question.split()[:3]): one for one in told}

    return answers


def row(at: int, name: str) -> dict[str, Any]:
    """A mail whose record is two seconds older than what became of it."""
    return {**mail(at, name, subject="secret"), "time": at - 2}


def rows(now: int, number: int, days: float = 9) -> Sequence[dict[str, Any]]:
    """Mails from now on back, at even distances."""
    distance = days * DAY / number
    return [mail(now - 10 - int(place * distance), f"Q{place}", subject="secret") for place in range(number)]


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


def test_it_tells_the_longest_window(ask: Ask, api: Simulator) -> None:
    told = ask(AUTHENTICATION)["Longest window"]
    assert (told.found, told.agrees) == ("15 days: refused with 406", Agrees.YES)

    def spans(days: int) -> Callable[[Any], bool]:
        return lambda request: int(request.params["endtime"]) - int(request.params["starttime"]) > days * DAY

    api.fail_next(spans(7), Answer(406), times=None)
    told = ask(AUTHENTICATION)["Longest window"]
    assert (told.found, told.agrees) == ("14 days are refused, 6 are not", Agrees.HARMLESS)

    api.faults.clear()
    api.fail_next(spans(14), Answer(200, body=b"[]"), times=None)
    told = ask(AUTHENTICATION)["Longest window"]
    assert (told.found, told.agrees) == ("15 days: 0 rows", Agrees.HARMLESS)


def test_headers_about_the_rate_are_told_without_the_key(ask: Ask, api: Simulator) -> None:
    headers = {"X-RateLimit-Limit": "600", "x-ratelimit-remaining": f"599 of {KEY}", "X-Other": "7"}
    api.fail_next("/logs", Answer(headers=headers))
    assert ask()["Headers about the"].found == "X-RateLimit-Limit: 600, x-ratelimit-remaining: 599 of (the key)"
    assert ask()["Headers about the"].found == "none"


@pytest.mark.parametrize(("ahead", "agrees"), [(0, Agrees.YES), (-90_000, Agrees.HARMLESS)])
def test_it_asks_by_the_clock_of_the_api_and_tells_how_the_two_differ(
    ahead: int, agrees: Agrees, fixed: FixedMail, now: int
) -> None:
    fixed.add(DOMAIN, INCOMING.name, [mail(now + ahead - 40)])
    with Simulator(source=fixed, now=lambda: time.time() + ahead) as api:
        told, calls = probe(Access(DOMAIN, api.base_url, KEY), INCOMING, SETTLES)
    found = {one.question: one for one in told}
    clock = found["Clock of the API less this machine's"]
    assert clock.agrees is agrees
    assert abs(int(clock.found.removesuffix(" s").replace(",", "")) - ahead) <= 60
    assert not found["Age of the newest row"].found.startswith("cannot tell")
    assert calls <= calls_needed(INCOMING, waits=False)


@pytest.mark.parametrize(("age", "agrees"), [(30, Agrees.YES), (1800, Agrees.NO)])
def test_a_second_look_tells_how_late_rows_appear(
    age: int, agrees: Agrees, api: Simulator, fixed: FixedMail, now: int
) -> None:
    fixed.add(DOMAIN, INCOMING.name, [mail(now - 100)])

    def late(_: float) -> None:
        fixed.add(DOMAIN, INCOMING.name, [mail(now - age)])

    told, _ = probe(Access(DOMAIN, api.base_url, KEY), INCOMING, SETTLES, 30, sleep=late)
    [found] = [one for one in told if one.question.startswith("Rows that appeared")]
    assert found.found.startswith("1, up to ")
    assert found.agrees is agrees


@pytest.mark.parametrize(
    ("value", "found", "agrees"),
    [
        (lambda at: at, "numbers", Agrees.YES),
        (str, "text", Agrees.HARMLESS),
        (float, "fractions", Agrees.HARMLESS),
        (lambda at: at * 1000, "numbers; the time of 1 of 1 rows cannot be read", Agrees.NO),
    ],
    ids=["numbers", "text", "fractions", "milliseconds"],
)
def test_it_tells_of_what_type_times_are(
    value: Callable[[int], object], found: str, agrees: Agrees, ask: Ask, fixed: FixedMail, now: int
) -> None:
    at = value(now - 100)
    record = {"queue_id": "Q1", "recipients": [{"time": at, "mailto": "a@example.com"}], "time": at}
    fixed.add(DOMAIN, INCOMING.name, [record], at=now - 100)
    told = ask()["Times in records"]
    assert (told.found, told.agrees) == (found, agrees)


def test_new_and_missing_fields_are_named_and_what_might_be_data_is_counted(
    ask: Ask, fixed: FixedMail, now: int
) -> None:
    record = {"email": "a@example.com", "time": now - 100, "country": "TR", "b@example.com": 1, "status": "secret"}
    fixed.add(DOMAIN, AUTHENTICATION.name, [record])
    told = ask(AUTHENTICATION)["Fields of a"]
    assert told.found == "new: country, 1 that are not names; missing: service, srcip, srclocation"
    assert told.agrees is Agrees.HARMLESS


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_key_or_address_that_is_refused_ends_it_with_what_to_do(status: int, ask: Ask, api: Simulator) -> None:
    api.fail_next("/logs", Answer(status), times=None)
    with pytest.raises(PermanentError, match=str(status)):
        ask()
    assert api.calls.count() == 1


def test_generated_mail_agrees_with_all_that_is_assumed_but_that_it_forgets_nothing() -> None:
    with Simulator(Behaviour(events_per_hour=300)) as api:
        told, _ = probe(Access(DOMAIN, api.base_url, KEY), INCOMING, SETTLES)
    assert {one.question for one in told if one.agrees is not Agrees.YES} == {"How far back it answers"}
