"""Generated mail: the same however it is asked for, and as varied as real mail."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS
from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, GeneratedMail, Simulator
from mailevents_dagster.sources.uzmanposta.simulator.records import is_queued
from mailevents_dagster_tests.sources.uzmanposta.simulator.asking import DOMAIN, HOUR, INCOMING, NOW, Client

pytestmark = pytest.mark.slow


def test_the_same_seed_gives_the_same_mail_in_another_process() -> None:
    program = (
        "import json; from mailevents_dagster.sources.uzmanposta.simulator import GeneratedMail; "
        f"source = GeneratedMail(7, 300); "
        f"print(json.dumps([source.rows({DOMAIN!r}, name, {HOUR}, {HOUR + 3599}) for name in {list(FEED_KINDS)!r}]))"
    )
    environment = {"PYTHONHASHSEED": "12345", "PYTHONPATH": str(Path(__file__).parents[4])}
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, env=environment).stdout
    here = GeneratedMail(7, 300)
    assert json.loads(printed) == [here.rows(DOMAIN, name, HOUR, HOUR + 3599) for name in FEED_KINDS]


def test_another_seed_or_domain_gives_other_mail() -> None:
    rows = GeneratedMail(7, 300).rows(DOMAIN, INCOMING, HOUR, HOUR + 3599)
    assert rows != GeneratedMail(8, 300).rows(DOMAIN, INCOMING, HOUR, HOUR + 3599)
    assert rows != GeneratedMail(7, 300).rows("example.org", INCOMING, HOUR, HOUR + 3599)


def test_the_mail_of_an_hour_does_not_depend_on_how_it_is_asked_for() -> None:
    whole = GeneratedMail(7, 300).rows(DOMAIN, INCOMING, HOUR - 3600, HOUR + 7199)
    source = GeneratedMail(7, 300)
    parts = [source.rows(DOMAIN, INCOMING, second, second + 599) for second in range(HOUR - 3600, HOUR + 7200, 600)]
    assert [row for part in parts for row in part] == whole


def test_a_fresh_simulator_answers_a_detail_whose_listing_it_never_saw(generated: Simulator) -> None:
    row = next(row for row in Client(generated).listing(INCOMING, HOUR, HOUR + 3600).json() if is_queued(row))
    with Simulator(Behaviour(seed=7, events_per_hour=300), domains=[DOMAIN], now=lambda: NOW) as fresh:
        answer = Client(fresh).detail(row["queue_id"], row["recipients"][0]["time"])
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in row} == row
    assert set(answer.json()) - set(row) == {"logs", "transactions", "filters", "emails"}
    assert 2000 < len(answer.content) < 8000


def test_a_detail_asked_for_with_another_time_is_404(generated: Simulator) -> None:
    row = next(row for row in Client(generated).listing(INCOMING, HOUR, HOUR + 3600).json() if is_queued(row))
    time = row["recipients"][0]["time"]
    for wrong in (time - 1, time + 1, time + 3600, 0):
        assert Client(generated).detail(row["queue_id"], wrong).status_code == 404
    for unknown in ("nonsense", row["queue_id"] + "ZZZ", row["queue_id"].lower(), "0"):
        assert Client(generated).detail(unknown, time).status_code == 404


def test_generated_mail_has_the_variety_of_real_mail() -> None:
    source = GeneratedMail(7, 2000)
    rows = source.rows(DOMAIN, INCOMING, HOUR, HOUR + 3599)
    recipients = [recipient for row in rows for recipient in row.get("recipients", [])]
    assert {recipient["status"] for recipient in recipients} >= {"delivered", "deferred", "bounced", "rejected"}
    assert {recipient["status_code"] for recipient in recipients} >= {"2.0.0", "4.2.2", "5.1.1", "5.7.1"}
    assert {len(row["recipients"]) for row in rows if "recipients" in row} == {0, 1, 2, 3, 4, 5}
    assert any("queue_id" not in row and row.get("recipients") for row in rows)
    assert any("queue_id" not in row and "recipients" not in row for row in rows)
    assert set("İışğçöü") <= set("".join(row["subject"] for row in rows))
    assert max(Counter(row["time"] for row in rows).values()) > 2
    sign_ins = Counter(json.dumps(row) for row in source.rows(DOMAIN, "authentication", HOUR, HOUR + 3599))
    assert max(sign_ins.values()) > 1


def test_days_are_livelier_than_nights_and_a_week_has_the_mean() -> None:
    source = GeneratedMail(7, 100)
    monday = HOUR - (HOUR // 86_400 + 3) % 7 * 86_400 - HOUR % 86_400
    counts = [
        len(source.rows(DOMAIN, INCOMING, monday + hour * 3600, monday + hour * 3600 + 3599)) for hour in range(168)
    ]
    assert counts[8] > 5 * counts[1]
    assert sum(counts) / 168 == pytest.approx(100, rel=0.05)


def test_generated_addresses_are_reserved_ones() -> None:
    source = GeneratedMail(7, 2000)
    details = [source.detail(row["queue_id"], row["recipients"][0]["time"]) or {} for row in _queued(source)]
    words = " ".join(json.dumps(detail) for detail in details).replace("<", " ").replace(">", " ").replace('"', " ")
    hosts = {word.rpartition("@")[2].rstrip(",") for word in words.split() if "@" in word}
    assert hosts
    assert {host.rpartition(".")[2] for host in hosts if not host.startswith("example.")} <= {"example", "invalid"}
    addresses = {detail["srcip"] for detail in details}
    assert all(ip.startswith(("192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:")) for ip in addresses)


def _queued(source: GeneratedMail) -> list[dict[str, object]]:
    return [row for row in source.rows(DOMAIN, INCOMING, HOUR, HOUR + 3599) if is_queued(row)]


def test_the_truth_is_what_listing_and_asking_for_every_detail_gives(generated: Simulator) -> None:
    client = Client(generated)
    for name in FEED_KINDS:
        listed = client.listing(name, HOUR, HOUR + 3599).json()[::-1]
        if FEED_KINDS[name].has_details:
            listed = [
                client.detail(row["queue_id"], row["recipients"][0]["time"]).json() if is_queued(row) else row
                for row in listed
            ]
        assert listed
        assert generated.truth(DOMAIN, name, HOUR, HOUR + 3600) == listed
