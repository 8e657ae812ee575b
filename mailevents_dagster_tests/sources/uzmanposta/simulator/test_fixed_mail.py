"""Mail that a test puts there."""

from __future__ import annotations

import json

import pytest

from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, FixedMail, Simulator
from mailevents_dagster_tests.sources.uzmanposta.simulator.asking import DOMAIN, HOUR, INCOMING, Client, mail


def test_queue_ids_are_percent_decoded(client: Client, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(HOUR, "a/b ?ş%41")])
    assert client.detail("a/b ?ş%41", HOUR).json()["queue_id"] == "a/b ?ş%41"


def test_a_lone_surrogate_comes_as_an_escape(client: Client, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(HOUR, subject="kırık \ud83d")])
    answer = client.listing(INCOMING, HOUR, HOUR)
    assert rb"\ud83d" in answer.content
    assert json.loads(answer.content)[0]["subject"] == "kırık \ud83d"


def test_a_reused_queue_id_has_a_detail_for_each_time(client: Client, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(HOUR, "Q", subject="first"), mail(HOUR + 60, "Q", subject="second")])
    assert client.detail("Q", HOUR).json()["subject"] == "first"
    assert client.detail("Q", HOUR + 60).json()["subject"] == "second"


def test_records_can_be_listed_at_another_time_than_their_own(client: Client, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, "authentication", [{"email": "timeless"}, {"time": "never"}], at=HOUR)
    with pytest.raises(ValueError, match="at="):
        fixed.add(DOMAIN, "authentication", [{"email": "timeless"}])
    assert client.listing("authentication", HOUR, HOUR).json() == [{"time": "never"}, {"email": "timeless"}]


def test_removed_records_vanish_one_for_one(client: Client, fixed: FixedMail) -> None:
    twin = {"time": HOUR, "email": "a@example.com"}
    fixed.add(DOMAIN, "authentication", [twin, dict(twin)])
    fixed.remove(DOMAIN, "authentication", [dict(twin)])
    assert client.listing("authentication", HOUR, HOUR).json() == [twin]
    with pytest.raises(ValueError, match="no such record"):
        fixed.remove(DOMAIN, "authentication", [{"time": HOUR}])


def test_a_changed_mail_has_its_new_detail(client: Client, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(HOUR, "Q", tag="deferred")])
    fixed.add(DOMAIN, INCOMING, [mail(HOUR, "Q", tag="delivered")])
    fixed.remove(DOMAIN, INCOMING, [mail(HOUR, "Q", tag="deferred")])
    assert [row["tag"] for row in client.listing(INCOMING, HOUR, HOUR).json()] == ["delivered"]
    assert client.detail("Q", HOUR).json()["tag"] == "delivered"


@pytest.mark.slow
def test_thirty_thousand_rows_of_one_second_are_all_there(
    simulator: Simulator, client: Client, fixed: FixedMail
) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(HOUR, f"Q{number}") for number in range(30_000)])
    assert len(client.listing(INCOMING, HOUR, HOUR + 3600).json()) == 1000
    simulator.behaviour = Behaviour(page_limit=30_000)
    assert len(client.listing(INCOMING, HOUR, HOUR + 3600).json()) == 30_000
    assert len(simulator.truth(DOMAIN, INCOMING, HOUR, HOUR + 1)) == 30_000
