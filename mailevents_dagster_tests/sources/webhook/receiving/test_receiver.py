"""The receiver over HTTP: what it takes, and with which status it refuses the rest."""

from __future__ import annotations

import http.client
import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from mailevents_dagster_tests.sources.webhook.receivers import LIMITS, PATIENCE_SECONDS, Running, running
from mailevents_dagster_tests.sources.webhook.senders import (
    JSON,
    PASSWORD,
    basic,
    mailgun_body,
    mailgun_event,
    ses_bounce,
)

POSTMARK = json.dumps({"RecordType": "Delivery", "MessageID": "m-1"}).encode()


def sendgrid_body() -> bytes:
    return json.dumps([{"event": "open", "sg_event_id": secrets.token_hex(8)}]).encode()


def test_each_provider_is_taken_and_kept_as_it_came(receiver: Running) -> None:
    body = sendgrid_body()
    requests_ = {
        "mailgun": (mailgun_body(mailgun_event()), JSON),
        "sendgrid": (body, receiver.key.headers(body)),
        "parse": (b"to=a%40b.example", {"content-type": "application/x-www-form-urlencoded", **basic()}),
        "postmark": (POSTMARK, {**JSON, **basic()}),
        "ses": (receiver.amazon.message(ses_bounce("a@b.example")), {"content-type": "text/plain; charset=UTF-8"}),
    }
    for name, (body, headers) in requests_.items():
        answer = receiver.post(name, body, headers)
        assert (answer.status_code, answer.content) == (200, b""), name
        [kept] = receiver.kept(name)
        assert (kept.body, kept.type) == (body, headers["content-type"])


def test_what_is_replayed_is_refused_and_kept_once(receiver: Running) -> None:
    events = sendgrid_body()
    for name, body, headers, status in (
        ("mailgun", mailgun_body(mailgun_event()), JSON, 406),
        ("sendgrid", events, receiver.key.headers(events), 409),
        ("ses", receiver.amazon.message({}), {}, 409),
    ):
        assert receiver.post(name, body, headers).status_code == 200
        assert receiver.post(name, body, headers).status_code == status
        assert len(receiver.kept(name)) == 1


def test_of_many_replays_at_once_one_is_kept(receiver: Running) -> None:
    body = mailgun_body(mailgun_event())
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: receiver.post("mailgun", body, JSON).status_code, range(16)))
    assert sorted(answers) == [200] + [406] * 15
    assert len(receiver.kept("mailgun")) == 1


@pytest.mark.parametrize("name", ["postmark", "parse"])
def test_the_secret_comes_as_password_or_in_the_path(receiver: Running, name: str) -> None:
    url = f"{receiver.url}/webhooks/{name}"
    for answer in (
        requests.post(url, POSTMARK, headers=JSON, auth=("mailevents", PASSWORD)),
        requests.post(f"{url}/{PASSWORD}", POSTMARK, headers=JSON),
    ):
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("", {}),
        ("", basic("wrong")),
        ("", basic(user="another")),
        ("", basic("")),
        ("", {"authorization": "Bearer p4ssw0rd"}),
        ("", {"authorization": "Basic ???"}),
        ("", {"authorization": "Basic"}),
        ("/wrong", {}),
        ("/wrong", basic()),
        (f"/{PASSWORD}/more", {}),
        ("/", {}),
    ],
    ids=str,
)
def test_without_the_secret_nothing_is_taken(receiver: Running, path: str, headers: dict[str, str]) -> None:
    answer = receiver.post(f"postmark{path}", POSTMARK, {**JSON, **headers})
    assert answer.status_code == 401
    assert "Basic" in answer.headers["WWW-Authenticate"]
    assert receiver.kept("postmark") == []


def test_forged_requests_are_refused_and_not_kept(receiver: Running) -> None:
    body = sendgrid_body()
    assert receiver.post("sendgrid", body + b" ", receiver.key.headers(body)).status_code == 403
    assert receiver.post("sendgrid", body, JSON).status_code == 401
    assert receiver.post("mailgun", mailgun_body(mailgun_event(), key="x"), JSON).status_code == 403
    assert receiver.post("ses", b"{}", JSON).status_code == 401
    assert not any(receiver.kept(name) for name in ("sendgrid", "mailgun", "ses"))


def test_garbage_is_refused(receiver: Running) -> None:
    garbage = [b"", b"{", b"\x00\xff", b"[" * 60_000, b"3"]
    assert [receiver.post("mailgun", body, JSON).status_code for body in garbage] == [400] * len(garbage)
    assert receiver.post("mailgun", b"x", {"content-type": "image/png"}).status_code == 415
    packed = {**JSON, "content-encoding": "gzip"}
    assert receiver.post("mailgun", mailgun_body(mailgun_event()), packed).status_code == 415


def test_wrong_methods_and_paths_are_refused(receiver: Running) -> None:
    url = f"{receiver.url}/webhooks"
    answers = [requests.request(method, f"{url}/mailgun") for method in ("GET", "PUT", "DELETE", "HEAD", "OPTIONS")]
    assert [answer.status_code for answer in answers] == [405] * 5
    assert all("POST" in answer.headers["allow"] for answer in answers)
    paths = ("another", "", "MAILGUN", "..%2fmailgun", "%00")
    assert [requests.post(f"{url}/{path}", b"{}").status_code for path in paths] == [404] * 5


def test_the_age_of_a_signature_counts_by_the_clock_of_its_arrival(receiver: Running) -> None:
    body = mailgun_body(mailgun_event())
    receiver.now[0] += 9 * 3600
    assert receiver.post("mailgun", body, JSON).status_code == 406


def chunked(receiver: Running, body: bytes) -> int:
    """Sends a body that does not say how long it is."""
    connection = http.client.HTTPConnection(urlsplit(receiver.url).netloc, timeout=PATIENCE_SECONDS)
    parts = (body[n : n + 10_000] for n in range(0, len(body), 10_000))
    connection.request("POST", "/webhooks/mailgun", parts, JSON, encode_chunked=True)
    status = connection.getresponse().status
    connection.close()
    return status


def test_bodies_have_a_bound_whether_they_say_their_length_or_not(receiver: Running) -> None:
    fits = mailgun_body(mailgun_event(pad="x" * 90_000))
    too_large = mailgun_body(mailgun_event(pad="x" * LIMITS.body_bytes))
    assert receiver.post("mailgun", fits, JSON).status_code == 200
    assert receiver.post("mailgun", too_large, JSON).status_code == 413
    assert chunked(receiver, mailgun_body(mailgun_event(pad="x" * 90_000))) == 200
    assert chunked(receiver, too_large) == 413
    assert len(receiver.kept("mailgun")) == 2


def test_a_full_spool_has_it_sent_again_and_taken_later(tmp_path: Path) -> None:
    with running(tmp_path, most=1000) as receiver:
        body = mailgun_body(mailgun_event(pad="x" * 2000))
        answer = receiver.post("mailgun", body, JSON)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
        assert requests.get(f"{receiver.url}/health").status_code == 503
        assert receiver.post("mailgun", mailgun_body(mailgun_event()), JSON).status_code == 200
        assert requests.get(f"{receiver.url}/health").json()["status"] == "ok"
    with running(tmp_path) as receiver:
        assert receiver.post("mailgun", body, JSON).status_code == 200


def test_a_request_that_could_not_be_kept_is_no_replay(tmp_path: Path) -> None:
    (tmp_path / "mailgun").write_text("no folder")
    with running(tmp_path) as receiver:
        body = mailgun_body(mailgun_event())
        assert receiver.post("mailgun", body, JSON).status_code == 503
        (tmp_path / "mailgun").unlink()
        assert receiver.post("mailgun", body, JSON).status_code == 200


def test_it_says_how_it_is(receiver: Running) -> None:
    receiver.post("mailgun", mailgun_body(mailgun_event()), JSON)
    receiver.post("mailgun", b"", JSON)
    assert requests.get(f"{receiver.url}/health").json() == {"status": "ok", "webhooks": 5, "taken": 1}
    assert receiver.taking.counts == {("mailgun", 200): 1, ("mailgun", 400): 1}


def test_no_answer_repeats_what_was_sent(receiver: Running) -> None:
    for body in (b'{"signature": {"token": "t0ken", "timestamp": "1", "signature": "s"}}', b"t0ken"):
        answer = receiver.post("mailgun", body, {**JSON, "x": "t0ken"})
        assert "t0ken" not in answer.text + str(answer.headers)


def test_many_webhooks_at_once_are_all_kept(receiver: Running) -> None:
    def post(number: int) -> Any:
        return receiver.post("mailgun", mailgun_body(mailgun_event(f"id-{number}")), JSON).status_code

    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(post, range(100))) == [200] * 100
    kept = {json.loads(one.body)["event-data"]["id"] for one in receiver.kept("mailgun")}
    assert kept == {f"id-{number}" for number in range(100)}
