"""STARTTLS of real servers: certificates of every kind, and servers that offer none, break off or never end."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from socketserver import StreamRequestHandler

import pytest

from mailevents_dagster.deliverability.answers import Answer, absent, there, unasked
from mailevents_dagster.deliverability.posture.findings import Finding, Verdict
from mailevents_dagster.deliverability.posture.smtp_tls import MailServers
from mailevents_dagster.deliverability.posture.starttls import starttls
from mailevents_dagster_tests.deliverability.certificates import DAY, NOW, Authority
from mailevents_dagster_tests.deliverability.mail_server import Talks, smtp_server, talking_server
from mailevents_dagster_tests.deliverability.posture.facts import world_of

HOST = "mx.example.com"
SHORT = 0.3


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def here(name: str, kind: str) -> Answer:
    return there("127.0.0.1") if kind == "A" else absent("the name has no such record")


def judged(answer: Answer) -> Finding:
    facts = {"example.com MX": ("10 mx.example.com", "20 ."), f"{HOST} STARTTLS": answer}
    [finding] = starttls("example.com", time.time(), world_of(facts))
    return finding


def shown(authority: Authority, *names: str, **certificate: object) -> Answer:
    with smtp_server(authority.context(*names, **certificate)) as port:  # type: ignore[arg-type]
        return MailServers(port, authority.bundle).starttls(HOST, here)


def test_a_certificate_of_the_host_that_is_trusted_is_good(authority: Authority) -> None:
    answer = shown(authority, "other.example", HOST)
    assert {f"name: {HOST}", "name: other.example", "protocol: TLSv1.3"} <= {*answer.records}
    assert not any(line.startswith("refused") for line in answer.records)
    assert judged(answer).verdict is Verdict.GOOD


def test_a_star_stands_for_one_label(authority: Authority) -> None:
    assert judged(shown(authority, "*.example.com")).verdict is Verdict.GOOD
    assert judged(shown(authority, "*.com")).verdict is Verdict.WEAK


@pytest.mark.parametrize(
    ("days", "verdict", "said"),
    [((-90, -1), "bad", "has expired"), ((1, 90), "bad", "not valid before"), ((-80, 10), "weak", "expires in")],
)
def test_the_dates_of_a_certificate_are_judged(
    authority: Authority, days: tuple[int, int], verdict: str, said: str
) -> None:
    one = judged(shown(authority, HOST, begins=NOW + days[0] * DAY, ends=NOW + days[1] * DAY))
    assert one.verdict == verdict
    assert said in one.text


def test_a_certificate_of_another_name_or_by_nobody_is_weak(authority: Authority) -> None:
    one = judged(shown(authority, "mail.example.net"))
    assert (one.verdict, "is for `mail.example.net`" in one.text) == (Verdict.WEAK, True)
    one = judged(shown(authority, HOST, is_signed_by_itself=True))
    assert (one.verdict, "self-signed" in one.text) == (Verdict.WEAK, True)


def test_a_server_without_starttls_takes_mail_in_clear_text() -> None:
    with smtp_server(None) as port:
        answer = MailServers(port).starttls(HOST, here)
    assert answer.is_absent
    assert judged(answer).verdict is Verdict.BAD


def says(*lines: str) -> Talks:
    """Answer each line of the client by the next of these."""

    def talks(connection: StreamRequestHandler) -> None:
        for line in lines:
            connection.wfile.write(line.encode())
            connection.rfile.readline()

    return talks


def floods(connection: StreamRequestHandler) -> None:
    while True:
        connection.wfile.write(b"220-more and more\r\n")


def one_line_without_end(connection: StreamRequestHandler) -> None:
    while True:
        connection.wfile.write(b"x" * 1000)


def drips(connection: StreamRequestHandler) -> None:
    while not threading.Event().wait(0.05):
        connection.wfile.write(b"2")


EHLO = "250-mx.example.com\r\n250-SIZE 1000\r\n250 StartTLS\r\n"


@pytest.mark.parametrize(
    ("talks", "said"),
    [
        pytest.param(says("554 go away\r\n"), "greets with `554 go away`", id="refuses"),
        pytest.param(says("220 hi\r\n", "502 no\r\n"), "answers EHLO with", id="no EHLO"),
        pytest.param(says("220 hi\r\n", EHLO, "454 later\r\n"), "answers STARTTLS with", id="later"),
        pytest.param(says("220 hi\r\n", EHLO, "220 go on\r\n"), "no whole answer", id="ends in the handshake"),
        pytest.param(lambda _: None, "ends the connection", id="ends at once"),
        pytest.param(floods, "more than 100 lines", id="floods"),
        pytest.param(one_line_without_end, "a line without end", id="a line without end"),
        pytest.param(drips, "no whole answer within 0.3 s", id="drips"),
        pytest.param(says("\x1b[2J\r\n"), r"greets with `\x1b[2J`", id="escapes"),
    ],
)
def test_a_server_that_does_not_get_so_far_says_nothing_of_its_tls(talks: Talks, said: str) -> None:
    with talking_server(talks) as port:
        answer = MailServers(port, seconds=SHORT if talks is drips else 10).starttls(HOST, here)
    assert answer.is_unasked
    assert said in answer.reason
    assert judged(answer).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("talks", "said"),
    [
        pytest.param(says("220 hi\r\n", EHLO, "554 no TLS today\r\n"), "refuses STARTTLS", id="refuses"),
        pytest.param(says("220 hi\r\n", EHLO, "220 go on\r\nrubbish\r\n" * 20), "cannot be used", id="rubbish"),
    ],
)
def test_what_is_offered_and_cannot_be_used_is_no_tls(talks: Talks, said: str) -> None:
    with talking_server(talks) as port:
        answer = MailServers(port, seconds=5).starttls(HOST, here)
    assert answer.is_absent
    assert said in answer.reason


def test_nobody_listening_or_no_address_is_told_apart() -> None:
    closed = MailServers(1, seconds=SHORT).starttls(HOST, here)
    assert "port 1 cannot be reached" in closed.reason
    assert judged(closed).verdict is Verdict.UNKNOWN
    assert "Many networks let no mail out" in judged(closed).text
    assert MailServers().starttls(HOST, lambda *_: unasked("SERVFAIL")).is_unasked
    assert MailServers().starttls(HOST, lambda *_: absent()).is_absent


def test_the_second_address_is_tried_where_the_first_does_not_answer(authority: Authority) -> None:
    with smtp_server(authority.context(HOST)) as port:
        servers = MailServers(port, authority.bundle)
        answer = servers.starttls(HOST, lambda _, kind: there("127.0.0.1") if kind == "AAAA" else there("127.0.0.254"))
    assert answer.is_there


def test_a_server_is_greeted_with_the_own_address() -> None:
    heard: list[bytes] = []

    def talks(connection: StreamRequestHandler) -> None:
        connection.wfile.write(b"220 hi\r\n")
        heard.append(connection.rfile.readline())

    with talking_server(talks) as port:
        MailServers(port, seconds=5).starttls(HOST, here)
    assert heard == [b"EHLO [127.0.0.1]\r\n"]


def test_without_mx_hosts_nothing_is_tried() -> None:
    assert not [*starttls("example.com", time.time(), world_of({}))]


def test_a_bundle_that_is_not_there_is_told(tmp_path: Path) -> None:
    with talking_server(says("220 hi\r\n")) as port:
        assert MailServers(port, str(tmp_path / "none")).starttls(HOST, here).is_unasked
