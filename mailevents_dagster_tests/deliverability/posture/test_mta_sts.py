"""MTA-STS: the record, the policy over real HTTPS, and the policy beside the MX hosts."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mailevents_dagster.deliverability.answers import Answer, absent, there, unasked
from mailevents_dagster.deliverability.posture.findings import Finding, Verdict
from mailevents_dagster.deliverability.posture.mta_sts import covers, mta_sts, policy_of
from mailevents_dagster.deliverability.posture.policy_file import MOST_BYTES, PolicyFiles
from mailevents_dagster_tests.deliverability.certificates import DAY, NOW, Authority
from mailevents_dagster_tests.deliverability.posture.facts import LOST, Facts, the, verdicts, world_of

HOST = "mta-sts.example.com"
POLICY = "version: STSv1\r\nmode: enforce\r\nmx: mx1.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n"
SHORT = 0.3

Serves = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def here(name: str, kind: str) -> Answer:
    return there("127.0.0.1") if kind == "A" else absent()


def sends(body: str, status: int = 200, kind: str = "text/plain; charset=utf-8", **headers: str) -> Serves:
    def serves(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in {"Content-Type": kind, **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body.encode())

    return serves


@contextmanager
def https_server(context: ssl.SSLContext, serves: Serves, asked: list[str]) -> Iterator[int]:
    class Request(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.headers['Host']}{self.path}")
            try:
                serves(self)
            except OSError:  # the client has gone
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # clients that refuse the certificate

    with Server(("127.0.0.1", 0), Request) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


def fetched(authority: Authority, serves: Serves, context: ssl.SSLContext | None = None) -> Answer:
    with https_server(context or authority.context(HOST), serves, []) as port:
        return PolicyFiles(port, authority.bundle, 10.0).fetch(HOST, here)


def test_a_policy_is_fetched_by_its_name_from_the_address_that_the_name_server_told(authority: Authority) -> None:
    asked: list[str] = []
    with https_server(authority.context(HOST), sends(POLICY), asked) as port:
        answer = PolicyFiles(port, authority.bundle).fetch(HOST, here)
    assert answer.records == (POLICY,)
    assert asked == ["mta-sts.example.com/.well-known/mta-sts.txt"]


@pytest.mark.parametrize(
    ("serves", "said"),
    [
        pytest.param(sends("", 404), "HTTP 404", id="404"),
        pytest.param(sends("", 301, Location="https://example.com/"), "follow no redirects", id="redirect"),
        pytest.param(sends(POLICY, kind="text/html"), "text/plain alone", id="HTML"),
        pytest.param(sends("x" * (MOST_BYTES + 1)), "longer than 65,536 bytes", id="long"),
    ],
)
def test_what_senders_cannot_have_either_is_not_there(authority: Authority, serves: Serves, said: str) -> None:
    answer = fetched(authority, serves)
    assert answer.is_absent
    assert said in answer.reason


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_server_that_fails_may_have_a_policy(authority: Authority, status: int) -> None:
    assert fetched(authority, sends("", status)).is_unasked


def drips(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Type", "text/plain")
    request.end_headers()
    while not threading.Event().wait(0.05):
        request.wfile.write(b"x")


def test_a_body_that_drips_in_is_not_taken_for_whole(authority: Authority) -> None:
    with https_server(authority.context(HOST), drips, []) as port:
        answer = PolicyFiles(port, authority.bundle, SHORT).fetch(HOST, here)
    assert answer.is_unasked
    assert "0.3 s" in answer.reason


def cut_off(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Type", "text/plain")
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(POLICY.encode())
    request.close_connection = True


def test_a_body_that_is_cut_off_is_not_taken_for_whole(authority: Authority) -> None:
    assert fetched(authority, cut_off).is_unasked


def test_certificates_that_senders_refuse_are_refused(authority: Authority, tmp_path: Path) -> None:
    for context in (
        authority.context("example.com"),
        authority.context(HOST, begins=NOW - 9 * DAY, ends=NOW - DAY),
        authority.context(HOST, is_signed_by_itself=True),
        Authority(tmp_path).context(HOST),
    ):
        answer = fetched(authority, sends(POLICY), context)
        assert answer.is_absent
        assert "certificate is refused" in answer.reason


def test_nobody_listening_or_no_address_is_told_apart() -> None:
    assert PolicyFiles(1, seconds=SHORT).fetch(HOST, here).is_unasked
    assert PolicyFiles().fetch(HOST, lambda *_: unasked("SERVFAIL")).is_unasked
    assert PolicyFiles().fetch(HOST, lambda *_: absent()).is_absent


RECORD: Facts = {
    "_mta-sts.example.com TXT": "v=STSv1; id=20261121",
    "example.com MX": ("10 mx1.example.com", "20 backup.example.net"),
}


def found(facts: Facts) -> list[Finding]:
    return [*mta_sts("example.com", world_of({**RECORD, **facts}))]


def test_a_policy_that_names_all_hosts_is_good() -> None:
    assert set(verdicts(found({f"{HOST} POLICY": POLICY})).values()) == {"good"}


def test_a_host_that_an_enforced_policy_does_not_name_gets_no_mail() -> None:
    facts: Facts = {f"{HOST} POLICY": POLICY, "example.com MX": ("10 mx1.example.com", "20 a.b.example.net")}
    assert the("mta-sts.mx", found(facts)).verdict is Verdict.BAD
    facts = {**facts, f"{HOST} POLICY": POLICY.replace("enforce", "testing")}
    assert verdicts(found(facts)) == {"mta-sts.record": "good", "mta-sts.policy": "weak", "mta-sts.mx": "weak"}


def test_three_states_of_record_policy_and_mx() -> None:
    assert the("mta-sts.record", [*mta_sts("example.com", world_of({}))]).verdict is Verdict.NOTE
    lost: Facts = {"_mta-sts.example.com TXT": LOST}
    assert the("mta-sts.record", [*mta_sts("example.com", world_of(lost))]).verdict is Verdict.UNKNOWN
    assert the("mta-sts.policy", found({})).verdict is Verdict.BAD
    assert the("mta-sts.policy", found({f"{HOST} POLICY": LOST})).verdict is Verdict.UNKNOWN
    assert the("mta-sts.mx", found({f"{HOST} POLICY": POLICY, "example.com MX": LOST})).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("records", [("v=STSv1; id=1", "v=STSv1; id=2"), ("v=STSv1",), ("v=STSv1; id=a b",)])
def test_a_record_that_senders_pass_over_is_bad(records: tuple[str, ...]) -> None:
    assert the("mta-sts.record", found({"_mta-sts.example.com TXT": records})).verdict is Verdict.BAD


@pytest.mark.parametrize(
    "text",
    [
        "",
        POLICY.replace("STSv1", "STSv2"),
        POLICY.replace("enforce", "force"),
        POLICY.replace("604800", "soon"),
        POLICY.replace("604800", "9" * 30),
        "version: STSv1\nmode: enforce\nmax_age: 604800",
        "<html>",
    ],
)
def test_a_broken_policy_is_bad(text: str) -> None:
    assert policy_of(text).faults
    assert the("mta-sts.policy", found({f"{HOST} POLICY": text})).verdict is Verdict.BAD


def test_of_a_key_that_stands_twice_the_first_counts() -> None:
    assert policy_of("version: STSv1\nmode: none\nmode: enforce\nmax_age: 1\n").mode == "none"


@pytest.mark.parametrize(
    ("pattern", "host", "is_covered"),
    [
        ("mx.example.com", "mx.example.com", True),
        ("*.example.com", "mx.example.com", True),
        ("*.example.com", "a.mx.example.com", False),
        ("*.example.com", "example.com", False),
        ("*", "com", False),
    ],
)
def test_a_star_stands_for_one_label(pattern: str, host: str, is_covered: bool) -> None:
    assert covers(pattern, host) is is_covered
