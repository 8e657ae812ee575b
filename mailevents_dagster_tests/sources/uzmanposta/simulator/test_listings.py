"""The contract of the simulator: what listings show, who may ask, and how often."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, FixedMail, Simulator
from mailevents_dagster_tests.sources.uzmanposta.simulator.asking import (
    DOMAIN,
    HOUR,
    INCOMING,
    NOW,
    Client,
    mail,
    times,
)


@pytest.mark.parametrize(
    ("bounds", "expected"), [("[s,e]", [3, 2, 1]), ("[s,e)", [2, 1]), ("(s,e]", [3, 2]), ("(s,e)", [2])]
)
def test_the_ends_of_a_window_count_as_the_behaviour_says(
    simulator: Simulator, client: Client, fixed: FixedMail, bounds: str, expected: list[int]
) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(HOUR + second) for second in range(5)])
    simulator.behaviour = replace(simulator.behaviour, bounds=bounds)
    answer = client.listing(INCOMING, HOUR + 1, HOUR + 3)
    assert [time - HOUR for time in times(answer)] == expected


def test_a_full_page_keeps_the_newest_rows_newest_first(client: Client, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(HOUR + second) for second in range(1500)])
    assert times(client.listing(INCOMING, HOUR, HOUR + 3600)) == [HOUR + second for second in range(1499, 499, -1)]


def test_a_full_page_can_keep_the_oldest_rows_oldest_first(
    simulator: Simulator, client: Client, fixed: FixedMail
) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(HOUR + second) for second in range(30)])
    simulator.behaviour = replace(simulator.behaviour, cap="oldest", order="oldest_first", page_limit=10)
    assert times(client.listing(INCOMING, HOUR, HOUR + 3600)) == [HOUR + second for second in range(10)]


def test_shuffled_ties_change_places_inside_their_second_alone(
    simulator: Simulator, client: Client, fixed: FixedMail
) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(HOUR + number // 10, f"Q{number}") for number in range(50)])
    calm = client.listing(INCOMING, HOUR, HOUR + 60).json()
    assert client.listing(INCOMING, HOUR, HOUR + 60).json() == calm
    simulator.behaviour = replace(simulator.behaviour, shuffle_ties=True)
    answers = [client.listing(INCOMING, HOUR, HOUR + 60) for _ in range(3)]
    assert len({answer.text for answer in answers}) == 3
    assert all(times(answer) == sorted(times(answer), reverse=True) for answer in answers)
    assert all(sorted(answer.json(), key=str) == sorted(calm, key=str) for answer in answers)


def test_rows_appear_only_once_they_are_visible() -> None:
    clock, fixed = [float(HOUR)], FixedMail()
    fixed.add(DOMAIN, INCOMING, [mail(HOUR), mail(HOUR + 10)])
    with Simulator(Behaviour(visible_after_seconds=30), source=fixed, now=lambda: clock[0]) as simulator:
        client = Client(simulator)
        seen = []
        for later in (0, 29.9, 30, 39.9, 40):
            clock[0] = HOUR + later
            seen.append(len(client.listing(INCOMING, HOUR, HOUR + 100).json()))
        assert seen == [0, 0, 1, 1, 2]
        assert len(simulator.truth(DOMAIN, INCOMING, HOUR, HOUR + 100)) == 2


def test_mail_of_the_future_is_neither_listed_nor_detailed(client: Client, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(NOW, "NOW"), mail(NOW + 1, "LATER")])
    assert [row["queue_id"] for row in client.listing(INCOMING, NOW - 10, NOW + 10).json()] == ["NOW"]
    assert client.detail("NOW", NOW).status_code == 200
    assert client.detail("LATER", NOW + 1).status_code == 404


def test_windows_of_more_than_14_days_and_old_quarantines_are_406(client: Client) -> None:
    day = 86_400
    assert client.listing(INCOMING, NOW - 14 * day, NOW).status_code == 200
    assert client.listing(INCOMING, NOW - 14 * day - 1, NOW).status_code == 406
    assert client.listing("quarantine/hold", NOW - 7 * day, NOW).json() == []
    refusal = client.listing("quarantine/quarantine", NOW - 7 * day - 1, NOW)
    assert refusal.status_code == 406
    assert refusal.json()["message"] == "Can make search 7 days before at most"
    assert set(refusal.json()) == {"status", "code", "message", "api-version", "extended-code-text", "link"}


def test_the_older_path_of_the_quarantine_still_answers(client: Client, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, "quarantine/hold", [{"time": HOUR, "type": "hold"}])
    answer = client.get("/queue", starttime=HOUR, endtime=HOUR, type="hold", domain=DOMAIN)
    assert answer.json() == [{"time": HOUR, "type": "hold"}]


def test_every_answer_has_the_date_of_the_simulated_clock(client: Client) -> None:
    for path in ("/logs/authentication", "/nowhere"):
        assert client.get(path).headers["Date"] == "Fri, 20 Nov 2026 14:00:00 GMT"


# --- who may ask, and how often


def test_calls_without_a_key_or_with_a_bad_one_are_401(simulator: Simulator, client: Client) -> None:
    simulator.behaviour = Behaviour(bad_keys=frozenset({"old"}))
    assert Client(simulator, "old").listing(INCOMING, HOUR, HOUR).status_code == 401
    del client.session.headers["Authorization"]
    assert client.listing(INCOMING, HOUR, HOUR).status_code == 401
    client.session.headers["Authorization"] = "Basic key"
    assert client.listing(INCOMING, HOUR, HOUR).status_code == 401


def test_a_forbidden_domain_is_403_for_listings_and_details(
    simulator: Simulator, client: Client, fixed: FixedMail
) -> None:
    fixed.add("example.org", INCOMING, [mail(HOUR, "Q", domain="example.org")])
    simulator.behaviour = Behaviour(forbidden_domains=frozenset({"example.org"}))
    assert client.listing(INCOMING, HOUR, HOUR, "example.org").status_code == 403
    assert client.detail("Q", HOUR).status_code == 403
    assert client.listing(INCOMING, HOUR, HOUR).status_code == 200


def test_calls_over_the_limit_of_a_key_are_429_with_retry_after(simulator: Simulator, client: Client) -> None:
    simulator.behaviour = Behaviour(requests_per_second=0.001)
    assert client.listing(INCOMING, HOUR, HOUR).status_code == 200
    refusal = client.listing(INCOMING, HOUR, HOUR)
    assert refusal.status_code == 429
    assert 900 < int(refusal.headers["Retry-After"]) <= 1000
    assert Client(simulator, "another").listing(INCOMING, HOUR, HOUR).status_code == 200
    assert simulator.calls.count("list", 429) == 1


@pytest.mark.parametrize("header", [None, "Fri, 20 Nov 2026 14:00:02 GMT", "soon"])
def test_retry_after_is_sent_word_for_word_or_left_out(
    simulator: Simulator, client: Client, header: str | None
) -> None:
    simulator.behaviour = Behaviour(requests_per_second=0.001, retry_after=header)
    client.listing(INCOMING, HOUR, HOUR)
    assert client.listing(INCOMING, HOUR, HOUR).headers.get("Retry-After") == header


def test_unknown_paths_are_404_and_unreadable_parameters_400(simulator: Simulator, client: Client) -> None:
    assert client.get("/nowhere").status_code == 404
    assert client.get("/logs/mail/a/b").status_code == 404
    elsewhere = simulator.base_url.removesuffix("/api/v2") + "/logs/mail"
    assert client.session.get(elsewhere, timeout=60).status_code == 404
    assert client.get("/logs/mail", starttime="x", endtime=1, type="incominglog", domain=DOMAIN).status_code == 400
    assert client.get("/logs/mail", starttime=1, endtime=1, type="spam", domain=DOMAIN).status_code == 400
    assert client.get("/logs/authentication", starttime=1, endtime=1).status_code == 400
