"""What the probe tells beside rows: windows, rates, clocks, types and fields."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from mailevents_dagster.sources.uzmanposta.access import Access
from mailevents_dagster.sources.uzmanposta.errors import PermanentError
from mailevents_dagster.sources.uzmanposta.probe import calls_needed, probe
from mailevents_dagster.sources.uzmanposta.probe_findings import Agrees
from mailevents_dagster.sources.uzmanposta.simulator import Answer, Behaviour, FixedMail, Simulator
from mailevents_dagster_tests.conftest import AUTHENTICATION, DOMAIN, INCOMING, KEY, mail
from mailevents_dagster_tests.sources.uzmanposta.probe.probing import DAY, SETTLES, Ask


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


@pytest.mark.slow
def test_generated_mail_agrees_with_all_that_is_assumed_but_that_it_forgets_nothing() -> None:
    with Simulator(Behaviour(events_per_hour=300)) as api:
        told, _ = probe(Access(DOMAIN, api.base_url, KEY), INCOMING, SETTLES)
    assert {one.question for one in told if one.agrees is not Agrees.YES} == {"How far back it answers"}
