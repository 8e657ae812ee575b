"""Bounces of a server on their way to a queue, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from mailevents_dagster.collecting.outcomes import Collected, Failed
from mailevents_dagster.health.status import status_of
from mailevents_dagster_tests.deliveries.sqs_service import Gateway, error
from mailevents_dagster_tests.sources.maillog.mail_server import (
    BOUNCED,
    NOON,
    PUBLISHED,
    SERVER,
    MailServer,
    bounced,
    delivered,
    mail_server,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("credentials")]

Publishing = Callable[..., MailServer]
SINCE = "2026-11-01T00:00"


@pytest.fixture
def queue(gateway: Gateway) -> str:
    name = f"errors-{uuid4().hex}"
    gateway.moto.make_queue(name)
    return name


@pytest.fixture
def publishing(tmp_path: Path, gateway: Gateway, queue: str) -> Publishing:
    def made(**sqs: Any) -> MailServer:
        written = {
            "queue": queue,
            "region": "eu-west-1",
            "endpoint_url": gateway.url,
            "since": SINCE,
            "only_with_pattern": False,
            **sqs,
        }
        return mail_server(tmp_path, sqs=written)

    return made


def test_a_bounce_is_published_once_however_often_its_hour_is_collected(
    publishing: Publishing, gateway: Gateway, queue: str
) -> None:
    server = publishing()
    server.write(bounced(NOON.start, "who@dest.example"), delivered(NOON.start + 1, "good@dest.example"))
    for _ in range(3):
        assert all(isinstance(one, Collected) for one in server.collect())
    server.write(bounced(NOON.start + 2, "third@dest.example"))
    server.collect()

    sent = [json.loads(body) for body in gateway.moto.bodies(queue)]
    assert sorted(one["email"] for one in sent) == ["third@dest.example", "who@dest.example"]
    assert list(sent[0])[:4] == ["ID", "name", "email", "hostname"]
    assert {one["hostname"] for one in sent} == {SERVER}
    assert sorted(one["event_id"] for one in sent) == sorted(server.column(BOUNCED, "event_id"))
    assert server.column(PUBLISHED, "state") == ["taken", "taken"]


def test_a_queue_that_is_away_delays_and_loses_nothing(publishing: Publishing, gateway: Gateway, queue: str) -> None:
    server = publishing()
    server.write(bounced(NOON.start, "who@dest.example"))
    gateway.faults.append(error("AccessDenied", 403))

    lines, bounces, published = server.collect()

    assert isinstance(lines, Collected)
    assert isinstance(bounces, Collected)
    assert isinstance(published, Failed)
    assert published.cause == "queue"
    assert "s3cret" not in published.said
    (of_queue,) = [one for one in status_of(server.settings, NOON.end + 7200).feeds if one.feed.endswith("sqs")]
    assert of_queue.waiting == 1

    assert isinstance(server.collect(feeds=[PUBLISHED])[0], Collected)
    assert len(gateway.moto.bodies(queue)) == 1
    (of_queue,) = [one for one in status_of(server.settings, NOON.end + 7200).feeds if one.feed.endswith("sqs")]
    assert of_queue.waiting == 0


def test_what_will_never_be_taken_is_set_aside_and_counted(
    publishing: Publishing, gateway: Gateway, queue: str
) -> None:
    server = publishing()
    server.write(bounced(NOON.start, "who@dest.example"))
    gateway.faults.append(error("InvalidMessageContents"))

    *_, published = server.collect()

    assert isinstance(published, Collected)
    assert published.measures["set_aside"] == 1
    assert server.column(PUBLISHED, "state") == ["aside"]
    assert gateway.moto.bodies(queue) == []


def test_bounces_of_before_the_first_use_are_not_published(
    publishing: Publishing, gateway: Gateway, queue: str
) -> None:
    server = publishing(since="now")
    server.write(bounced(NOON.start, "who@dest.example"))
    assert all(isinstance(one, Collected) for one in server.collect())
    assert gateway.calls == 0
    assert server.column(PUBLISHED, "state") == []


def test_only_those_with_a_pattern_are_published_where_nothing_else_is_said(
    publishing: Publishing, gateway: Gateway, queue: str
) -> None:
    server = publishing(only_with_pattern=True)
    server.write(bounced(NOON.start, "who@dest.example"))
    server.collect()
    assert len(server.column(BOUNCED, "event_id")) == 1
    assert gateway.calls == 0


def test_hashed_addresses_stand_in_no_message(
    publishing: Publishing, gateway: Gateway, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HASH_KEY", "a key of hashes")
    server = publishing(addresses="hashed", hash_key="${HASH_KEY}")
    server.write(bounced(NOON.start, "who@dest.example"))
    server.collect()
    (body,) = gateway.moto.bodies(queue)
    assert "who" not in body
    assert len(json.loads(body)["email"]) == 64
