"""Mails are handed over by TLS that is checked, once, and what is refused is said without secrets."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mailevents_dagster.deliveries.mail.composing import composed
from mailevents_dagster.deliveries.mail.letter import Letter, Paragraph
from mailevents_dagster.deliveries.mail.smtp import SendingError, hand_over
from mailevents_dagster.settings import MailSettings
from mailevents_dagster_tests.deliveries.mail.post_office import (
    HERE,
    PASSWORD,
    USER,
    Authority,
    PostOffice,
    open_post_office,
)

TO = ("a@example.com", "b@example.com")
MAIL = composed(Letter("A test", [Paragraph("Hello.")]), sender=USER, to=TO, now=0.0)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """An authority that this machine trusts."""
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    return made


def send(office: PostOffice, password: str | None = None, to: Sequence[str] = TO, **more: Any) -> dict[str, int]:
    written = {
        "to": list(TO),
        "from": USER,
        "smtp_host": HERE,
        "smtp_port": office.port,
        "user": USER if password else None,
        "password": "${THE_PASSWORD}" if password else None,
        **more,
    }
    return dict(hand_over(MAIL, to, MailSettings.model_validate(written), password, 10.0, "report.mail"))


def test_starttls_comes_before_the_password_and_the_mail(authority: Authority) -> None:
    with open_post_office(authority.context(HERE), signs_in=True) as office:
        assert send(office, PASSWORD) == {}
    assert office.was_encrypted == [True]
    assert office.recipients == [[*TO]]


def test_on_465_tls_begins_at_once(authority: Authority) -> None:
    with open_post_office(at_once=authority.context(HERE)) as office:
        assert send(office) == {}
    assert office.was_encrypted == [True]


@pytest.mark.parametrize("at_once", [False, True], ids=["starttls", "465"])
def test_a_certificate_of_another_name_is_refused(authority: Authority, at_once: bool) -> None:
    context = authority.context("other.example")
    office_opens = open_post_office(*((None, context) if at_once else (context, None)))
    with office_opens as office, pytest.raises(SendingError, match="TLS connection failed") as caught:
        send(office)
    assert not office.mails
    assert not caught.value.is_passing


@pytest.mark.parametrize("at_once", [False, True], ids=["starttls", "465"])
def test_a_certificate_of_an_unknown_authority_is_refused(authority: Authority, at_once: bool, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    context = Authority(tmp_path / "other").context(HERE)
    office_opens = open_post_office(*((None, context) if at_once else (context, None)))
    with office_opens as office, pytest.raises(SendingError, match="TLS connection failed"):
        send(office)
    assert not office.mails


def test_a_server_without_tls_gets_nothing_unless_the_settings_say_so() -> None:
    with open_post_office() as office:
        with pytest.raises(SendingError, match=r"STARTTLS .* report\.mail"):
            send(office)
        assert not office.mails
        assert send(office, starttls=False) == {}
    assert office.was_encrypted == [False]


def test_a_wrong_password_is_for_good_and_is_not_said(authority: Authority) -> None:
    refusing = pytest.raises(SendingError, match=r"user and password \(report\.mail\.user\).*535")
    with open_post_office(authority.context(HERE), signs_in=True) as office, refusing as caught:
        send(office, f"wr0ng-{PASSWORD}")
    assert not caught.value.is_passing
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert "wr0ng" not in repr(caught.value)


@pytest.mark.parametrize(
    ("refuses", "is_passing"),
    [
        ({"a@example.com": "450 4.2.0 greylisted", "b@example.com": "451 later"}, True),
        ({"a@example.com": "450 4.2.0 greylisted", "b@example.com": "550 5.1.1 who?"}, False),
        ({"DATA": "451 4.3.0 busy"}, True),
        ({"DATA": "554 5.7.1 spam"}, False),
    ],
    ids=["greylisted", "one for good", "busy", "spam"],
)
def test_what_is_refused_for_now_is_told_from_what_is_refused_for_good(
    refuses: dict[str, str], is_passing: bool
) -> None:
    with open_post_office() as office:
        office.refuses = refuses
        with pytest.raises(SendingError) as caught:
            send(office, starttls=False)
    assert caught.value.is_passing is is_passing
    assert not office.mails


def test_those_who_were_refused_are_returned_and_the_others_get_it() -> None:
    with open_post_office() as office:
        office.refuses = {"b@example.com": "450 4.2.0 greylisted"}
        assert send(office, starttls=False) == {"b@example.com": 450}
    assert office.recipients == [["a@example.com"]]


def test_a_mail_can_go_to_some_of_those_whom_it_names() -> None:
    with open_post_office() as office:
        send(office, to=["b@example.com"], starttls=False)
    assert office.recipients == [["b@example.com"]]
    assert office.mails[0]["To"] == "a@example.com, b@example.com"


def test_a_server_that_is_not_there_may_be_there_later() -> None:
    with socket.socket() as free:
        free.bind((HERE, 0))
        office = PostOffice(port=free.getsockname()[1])  # nobody listens
        with pytest.raises(SendingError, match="cannot be reached") as caught:
            send(office)
    assert caught.value.is_passing
