"""Other systems are told of the list: each addition and removal once, whoever is away or killed meanwhile."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest

from mailevents_dagster.build import build_defs
from mailevents_dagster.deliverability.suppression.entries import hashed
from mailevents_dagster.deliverability.suppression.manual import note_changes
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.health.status import status_of
from mailevents_dagster.model.day import Day
from mailevents_dagster.settings import SettingsError
from mailevents_dagster.sources.publishing import AwayError
from mailevents_dagster_tests.deliverability.outcomes import DOMAIN, ZONE, Place, day_ago, told
from mailevents_dagster_tests.deliverability.suppression.telling import (
    HOUR,
    collect,
    hand_over,
    hours_waiting,
    place_with,
    waiting,
)
from mailevents_dagster_tests.deliveries.conftest import credentials, gateway, moto
from mailevents_dagster_tests.deliveries.endpoint import Receiving, receiving
from mailevents_dagster_tests.deliveries.sqs_service import Gateway

__all__ = ["credentials", "gateway", "moto"]

pytestmark = pytest.mark.slow

GONE = told("hard", "Gone@example.org", 5)
FULL = [told("soft", "full@example.org", day) for day in (5, 4, 3, 2)]


@pytest.fixture
def address() -> Iterator[Receiving]:
    with receiving() as made:
        yield made


def webhook(address: Receiving) -> str:
    return f"webhook: {{url: '{address.url}', secret: '${{SUPPRESSION_SECRET}}'}}"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: Receiving) -> Place:
    made = place_with(tmp_path, monkeypatch, f"{{{webhook(address)}}}")
    made.commit([GONE, *FULL])
    made.make(day_ago(1))
    return made


def process(here: Place, what: str) -> list[str]:
    module = "mailevents_dagster_tests.deliverability.suppression.pushing_process"
    return [sys.executable, "-m", module, what, str(here.folder)]


def remove(here: Place, address: str) -> None:
    noon = Day(day_ago(1), ZONE).start + 12 * 3600
    note_changes(here.store, DOMAIN, [address], "remove", noon * 1000, "wrote to us")


def short(messages: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(one["action"], one["address"], one["reason"]) for one in messages]


def test_what_is_on_the_list_is_told_once_and_what_leaves_it_too(here: Place, address: Receiving) -> None:
    for _ in range(3):
        hand_over(here)
        collect(here, "webhook")
    assert sorted(short(address.taken)) == [("add", "Gone@example.org", "hard"), ("add", "full@example.org", "soft")]
    assert address.calls[0][1]["type"] == "suppression.changed"
    ends = {one["address"]: one["until"] is not None for one in address.taken}
    assert ends == {"Gone@example.org": False, "full@example.org": True}

    remove(here, "GONE@example.org")
    here.make(day_ago(1))
    hand_over(here)
    collect(here, "webhook")
    assert short(address.taken[2:]) == [("remove", "Gone@example.org", "hard")]
    assert [one["number"] for one in address.taken] == [1, 1, 2]
    assert len({one["id"] for one in address.taken}) == 3


def test_an_address_that_comes_back_is_told_anew(here: Place, address: Receiving) -> None:
    hand_over(here)
    changes = here.store.layout.manual_suppressions(DOMAIN)
    remove(here, "gone@example.org")
    here.make(day_ago(1))
    hand_over(here)
    changes.unlink()
    here.make(day_ago(1))
    hand_over(here)
    collect(here, "webhook")
    of_gone = [one for one in address.taken if one["address"] == "Gone@example.org"]
    assert [one["action"] for one in sorted(of_gone, key=lambda one: one["number"])] == ["add", "remove", "add"]
    assert len({one["id"] for one in of_gone}) == 3


def test_a_day_that_is_made_again_says_nothing_where_a_later_one_is_there(here: Place, address: Receiving) -> None:
    here.make(day_ago(6))
    hand_over(here, days_ago=6)
    assert waiting(here) == {"webhook": 2}, "the newest list counts, and not the empty one of that day"


def test_an_address_on_the_web_that_is_away_delays_and_is_seen(here: Place, address: Receiving) -> None:
    hand_over(here)
    address.statuses.append(403)
    with pytest.raises(AwayError, match=r"2 messages of the hour wait for .*403.*They are kept"):
        collect(here, "webhook")
    [seen] = [
        one for one in status_of(here.settings, time.time()).feeds if str(one.feed).endswith("suppression_webhook")
    ]
    assert (seen.waiting, seen.set_aside) == (2, 0)
    assert not address.taken
    found = collect(here, "webhook")
    assert (found.measures["published"], waiting(here)) == (2, {"webhook": 0})
    assert [event.fields["state"] for event in found.events] == ["taken", "taken"]


def test_a_queue_and_an_address_are_told_the_same_each_by_itself(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    address: Receiving,
    gateway: Gateway,
    credentials: None,
) -> None:
    queue = f"suppressions-{uuid4().hex}"
    gateway.moto.make_queue(queue)
    sqs = f"sqs: {{queue: {queue}, region: eu-west-1, endpoint_url: '{gateway.url}'}}"
    here = place_with(tmp_path, monkeypatch, f"{{addresses: hashed, {sqs}, {webhook(address)}}}")
    here.commit([GONE])
    here.make(day_ago(1))
    for _ in range(2):
        hand_over(here)
        collect(here, "sqs")
        collect(here, "webhook")
    sent = [json.loads(body) for body in gateway.moto.bodies(queue)]
    expected = [("add", hashed("gone@example.org", b"k" * 32), "hard")]
    assert short(sent) == short(address.taken) == expected
    assert "gone" not in f"{sent}{address.calls}".lower()


def test_who_gets_another_address_or_hashes_is_told_all(
    here: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: Receiving
) -> None:
    hand_over(here)
    collect(here, "webhook")
    other = place_with(tmp_path, monkeypatch, f"{{addresses: hashed, {webhook(address)}}}")
    hand_over(other)
    assert waiting(other) == {"webhook": 2}


def test_a_damaged_file_of_what_was_told_is_named_with_what_to_do(here: Place) -> None:
    hand_over(here)
    [file] = (here.folder / "data" / "suppression").glob("*.parquet")
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(DamagedError, match=r"suppression_webhook.parquet is not as it was written.*Take it away"):
        hand_over(here)


def test_killed_before_the_outbox_has_it_nothing_is_lost_though_the_list_changes(
    here: Place, address: Receiving
) -> None:
    assert subprocess.run(process(here, "note"), check=False).returncode == -signal.SIGKILL
    assert waiting(here) == {"webhook": 0}
    remove(here, "gone@example.org")
    here.make(day_ago(1))
    hand_over(here)
    collect(here, "webhook")
    assert sorted(short(address.taken)) == [
        ("add", "Gone@example.org", "hard"),
        ("add", "full@example.org", "soft"),
        ("remove", "Gone@example.org", "hard"),
    ]


def test_killed_while_it_tells_the_next_tells_the_same_by_the_same_ids(here: Place, address: Receiving) -> None:
    hand_over(here)
    [hour] = hours_waiting(here)
    with subprocess.Popen(process(here, "tell"), env={**os.environ, HOUR: str(hour)}) as telling:
        address.when_called = telling.kill
        assert telling.wait() == -signal.SIGKILL
    address.when_called = lambda: None
    found = collect(here, "webhook", hour)
    first, again = (body["data"] for _, body in address.calls)
    assert first == again
    assert found.measures["published_twice_perhaps"] == len(first) == 2
    assert address.calls[0][0]["webhook-id"] == address.calls[1][0]["webhook-id"]


def test_a_run_that_makes_the_list_notes_what_is_to_be_told(here: Place) -> None:
    defs = build_defs(here.settings)
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize(
            [one for one in defs.assets or () if isinstance(one, dg.AssetsDefinition)],
            selection=[dg.AssetKey(["deliverability", DOMAIN, "suppression"])],
            partition_key=day_ago(1).isoformat(),
            resources=defs.resources,
            instance=instance,
        )
    assert waiting(here) == {"webhook": 2}


@pytest.mark.parametrize(
    ("push", "said"),
    [
        ("{}", "tells nobody; add `sqs` or `webhook`"),
        ("{webhook: {url: 'http://a.example', secret: '${SUPPRESSION_SECRET}'}}", "unencrypted"),
        ("{webhook: {url: 'https://a.example/#x', secret: '${SUPPRESSION_SECRET}'}}", "fragment"),
        ("{webhook: {url: 'https://a.example', secret: '${NOT_SET}'}}", "NOT_SET is not set or empty"),
        ("{webhook: {url: 'https://a.example', secret: '${BROKEN}'}}", "BROKEN holds no key in base64"),
        ("{sqs: {queue: 'not a queue'}}", "is not a queue"),
        ("{sqs: {queue: q}, addresses: hashed}, hash_key: '${NOT_SET}'", "NOT_SET is not set or empty"),
        ("{sqs: {queue: q}, addresses: hashed}, hash_key: null", "without `hash_key"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, push: str, said: str
) -> None:
    monkeypatch.setenv("BROKEN", "whsec_no base64, however long it may be")
    with pytest.raises(SettingsError, match=re.escape(said)):
        place_with(tmp_path, monkeypatch, push)
