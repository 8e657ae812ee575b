"""Signing in to a real IMAP server: with a password, with tokens, and what is said where it is refused."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailevents_dagster.sources.mailbox.errors import Cause, MailboxError
from mailevents_dagster.sources.mailbox.imap import connections
from mailevents_dagster.sources.mailbox.imap.access import Access
from mailevents_dagster.sources.mailbox.imap.reader import ImapReader
from mailevents_dagster_tests.conftest import START
from mailevents_dagster_tests.sources.mailbox.imap.authority import Authority
from mailevents_dagster_tests.sources.mailbox.imap.conftest import MakeReader
from mailevents_dagster_tests.sources.mailbox.imap.dovecot import (
    CERTIFICATE,
    PASSWORD,
    USER,
    Dovecot,
    message,
    running,
)

pytestmark = pytest.mark.programs

END = START + 3600


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "backoff", lambda _: 0.0)


def refusal(reader: ImapReader) -> MailboxError:
    with pytest.raises(MailboxError) as raised:
        list(reader.rows(START, END))
    said = f"{raised.value} {raised.value.__cause__} {raised.value.__context__}"
    assert USER not in said
    assert PASSWORD not in said
    assert "token-" not in said
    return raised.value


def test_a_wrong_password_stops_the_feed_and_says_what_to_do(dovecot: Dovecot, make_reader: MakeReader) -> None:
    error = refusal(make_reader(password="wrong"))
    assert (error.cause, error.is_passing, error.refuses_feed) == (Cause.PERMISSION, False, True)
    assert "AUTHENTICATIONFAILED" in str(error)
    assert "Check the password" in str(error)
    dovecot.stop()
    assert dovecot.log.count("auth failed, 1 attempts") == 1, "it was tried again, which locks accounts"


def test_a_certificate_of_nobody_known_is_not_trusted(dovecot: Dovecot, make_reader: MakeReader) -> None:
    error = refusal(make_reader(ca_bundle=None))
    assert (error.cause, error.is_passing) == (Cause.TLS, False)
    assert "ca_bundle" in str(error)
    assert "Login" not in dovecot.log


def test_no_secret_is_logged_nor_shown(
    dovecot: Dovecot, make_reader: MakeReader, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    reader = make_reader()
    list(reader.rows(START, END))
    assert "EXAMINE" in caplog.text
    assert PASSWORD not in caplog.text
    assert PASSWORD not in repr(Access(USER, "localhost", password=PASSWORD))


class TestTokens:
    @pytest.fixture
    def authority(self) -> Iterator[Authority]:
        with Authority().running() as one:
            yield one

    @pytest.fixture
    def dovecot(self, short_path: Path, authority: Authority) -> Iterator[Dovecot]:
        with running(Dovecot(short_path / "dovecot", f"{authority.url}/introspect")) as one:
            yield one

    @pytest.fixture
    def reader(self, dovecot: Dovecot, authority: Authority) -> Iterator[ImapReader]:
        access = Access(USER, "localhost", dovecot.port, application=authority.application, ca_bundle=str(CERTIFICATE))
        reader = ImapReader(access)
        yield reader
        reader.close()

    def test_a_token_opens_the_mailbox(
        self, dovecot: Dovecot, reader: ImapReader, authority: Authority, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        dovecot.put(message(1), START)
        (row,) = reader.rows(START, END)
        blob = io.BytesIO()
        reader.fetch(row, blob)
        assert blob.getvalue() == message(1)
        assert authority.given == 1
        assert "method=XOAUTH2" in dovecot.log
        assert "token-" not in caplog.text

    def test_a_token_that_was_taken_back_is_asked_for_anew_once(
        self, dovecot: Dovecot, reader: ImapReader, authority: Authority
    ) -> None:
        list(reader.rows(START, END))
        authority.good.clear()
        assert dovecot.cut() == 1
        dovecot.put(message(1), START)
        assert len(list(reader.rows(START, END))) == 1
        assert authority.given == 2

    def test_an_application_without_rights_is_told_what_it_needs(
        self, dovecot: Dovecot, reader: ImapReader, authority: Authority
    ) -> None:
        authority.user = "other@example.com"
        error = refusal(reader)
        assert (error.cause, error.refuses_feed) == (Cause.PERMISSION, True)
        assert "IMAP.AccessAsApp" in str(error)
        assert authority.given == 2
