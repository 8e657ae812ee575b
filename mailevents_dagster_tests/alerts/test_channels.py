"""Webhook and mail, over real connections on this machine: what arrives, and what is said where nothing does."""

from __future__ import annotations

import ssl
from html import escape
from pathlib import Path
from typing import Any

import pytest

from mailevents_dagster.alerts import channels
from mailevents_dagster.alerts.channels import Mail, Webhook
from mailevents_dagster.alerts.texts import TEST, Message
from mailevents_dagster.deliveries.mail.smtp import SendingError
from mailevents_dagster.settings import AlertMailSettings
from mailevents_dagster_tests.alerts.receiving import (
    PASSWORD,
    SECRET_PATH,
    USER,
    MailServer,
    WebhookServer,
    mail_server,
)

CERTIFICATE = Path(__file__).parents[1].joinpath("worthless_test_certificate.pem")
"""Of 127.0.0.1, with its key."""
MESSAGE = Message(
    "mailevents: 1 trouble (dns)", "- şirket.example authentication: dns <!channel> @here\n.\n" + "x" * 2000
)


def mail(server: MailServer, password: str | None = None, **more: Any) -> Mail:
    written = {
        "to": ["ops@example.com", "more@example.com"],
        "from": USER,
        "smtp_host": "127.0.0.1",
        "smtp_port": server.port,
        "starttls": False,
        "user": USER if password else None,
        "password": "${THE_PASSWORD}" if password else None,
        **more,
    }
    return Mail(AlertMailSettings.model_validate(written), password)


def test_a_webhook_gets_slacks_json_and_nobody_is_called_by_what_an_api_said(chat: WebhookServer) -> None:
    Webhook(chat.url).send(MESSAGE)

    [body] = chat.bodies
    assert body == {"text": chat.texts[0]}
    assert chat.texts[0].startswith("mailevents: 1 trouble (dns)\n- şirket.example authentication: dns ")
    assert not set("<>@") & set(chat.texts[0])


def test_a_mail_is_text_beside_html_with_a_subject_of_one_line(post: MailServer) -> None:
    mail(post).send(MESSAGE)

    [one] = post.mails
    assert one["Subject"] == MESSAGE.subject
    assert one["To"] == "ops@example.com, more@example.com"
    assert one["From"] == USER
    assert one["Auto-Submitted"] == "auto-generated"
    assert one.get_content_type() == "multipart/alternative"
    text, html = (part.get_content().replace("\r\n", "\n") for part in one.iter_parts())
    assert text == f"{MESSAGE.text}\n"
    assert escape(MESSAGE.text.splitlines()[0]) in html
    assert [line for line in post.heard if line.startswith("rcpt")] == [
        "rcpt TO:<ops@example.com>",
        "rcpt TO:<more@example.com>",
    ]


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 410, 429, 500])
def test_an_answer_other_than_2xx_is_said_without_the_address(chat: WebhookServer, status: int) -> None:
    chat.status = status
    with pytest.raises(SendingError, match=f"it answered {status}") as caught:
        Webhook(chat.url).send(TEST)
    assert_silent(caught.value, SECRET_PATH)


def test_a_server_that_is_not_there_is_said_without_the_address() -> None:
    with pytest.raises(SendingError, match="cannot be reached") as caught:
        Webhook(f"http://127.0.0.1:1{SECRET_PATH}").send(TEST)
    assert_silent(caught.value, SECRET_PATH)


def test_an_address_that_cannot_be_asked_is_said_without_it() -> None:
    for url in (f"https://[::1{SECRET_PATH}", f"nothing:{SECRET_PATH}"):
        with pytest.raises(SendingError, match="cannot be") as caught:
            Webhook(url).send(TEST)
        assert_silent(caught.value, SECRET_PATH)


def test_a_server_that_speaks_no_tls_is_a_failure_of_tls(chat: WebhookServer) -> None:
    with pytest.raises(SendingError, match="TLS connection failed") as caught:
        Webhook(chat.url.replace("http:", "https:")).send(TEST)
    assert_silent(caught.value, SECRET_PATH)


def test_slow_servers_are_given_up_in_time(
    chat: WebhookServer, post: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "PATIENCE", 0.2)
    chat.stalls = post.stalls = True
    for channel in (Webhook(chat.url), mail(post)):
        with pytest.raises(SendingError, match=r"no answer within 0\.2 s"):
            channel.send(TEST)


def test_a_socket_that_says_nothing_is_given_up_too(post: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "SOCKET_PATIENCE", 0.1)
    post.stalls = True
    with pytest.raises(SendingError, match="gave no answer in time"):
        mail(post).send(TEST)


def test_who_is_configured_to_sign_in_does(post: MailServer) -> None:
    channel = mail(post, PASSWORD)
    channel.send(TEST)
    assert [one["Subject"] for one in post.mails] == [TEST.subject]
    assert PASSWORD not in repr(channel)


def test_a_wrong_password_is_said_and_not_shown_though_the_server_repeats_it(post: MailServer) -> None:
    with pytest.raises(SendingError, match=r"does not accept user and password .*535") as caught:
        mail(post, "wr0ng-" + PASSWORD).send(TEST)
    assert_silent(caught.value, "wr0ng")
    assert not post.mails


@pytest.mark.parametrize(
    ("command", "answer", "said"),
    [
        ("MAIL", "550 who?", r"alerts\.mail\.from.*550"),
        ("RCPT", "550 who?", r"alerts\.mail\.to"),
        ("DATA", "554 no", "broke off.*554"),
        ("EHLO", "421 later", "broke off"),
    ],
)
def test_what_a_mail_server_refuses_is_named(command: str, answer: str, said: str) -> None:
    with mail_server(MailServer(refuses={command: answer, "HELO": answer})) as server:
        with pytest.raises(SendingError, match=said):
            mail(server).send(TEST)
        assert not server.mails


def test_a_mail_that_some_of_its_addresses_get_is_taken_and_the_others_are_counted(post: MailServer) -> None:
    post.refuses["RCPT TO:<MORE@EXAMPLE.COM>"] = "550 who?"

    assert mail(post).send(TEST) == "it does not take mail for 1 of 2 addresses (alerts.mail.to)"
    assert len(post.mails) == 1


def test_without_starttls_where_it_is_wanted_nothing_is_told(post: MailServer) -> None:
    with pytest.raises(SendingError, match="STARTTLS"):
        mail(post, PASSWORD, starttls=True).send(TEST)
    assert not [line for line in post.heard if not line.lower().startswith(("ehlo", "quit", "rset"))]


def test_starttls_comes_before_the_password_and_certificates_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    with mail_server(MailServer(tls=context)) as server:
        with pytest.raises(SendingError, match="TLS connection failed"):
            mail(server, PASSWORD, starttls=True).send(TEST)
        assert not [line for line in server.heard if line.startswith("AUTH")]

    with mail_server(MailServer(tls=context)) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        mail(server, PASSWORD, starttls=True).send(TEST)
        assert [line.split()[0].upper() for line in server.heard[:4]] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]
        assert [one["Subject"] for one in server.mails] == [TEST.subject]


def assert_silent(error: BaseException, secret: str) -> None:
    """The secret is in no error of the chain, as logs would show it."""
    seen: BaseException | None = error
    while seen is not None:
        assert secret not in f"{seen} {seen!r}"
        seen = seen.__cause__ or seen.__context__
