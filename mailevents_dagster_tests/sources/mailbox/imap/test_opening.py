"""A mailbox of the settings that is read by IMAP."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailevents_dagster.sources.mailbox.imap.access import Access
from mailevents_dagster.sources.mailbox.imap.reader import ImapReader
from mailevents_dagster.sources.mailbox.opening import imap_access_of, mailbox_of, reader_of
from mailevents_dagster_tests.sources.mailbox.test_settings import ENVIRON, GRAPH, IMAP, load

SECRET = ENVIRON["SECRET"]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)


def test_a_password_comes_from_the_environment_and_is_shown_nowhere(tmp_path: Path) -> None:
    settings = load(tmp_path, IMAP)
    mailbox = mailbox_of(settings, "ops@example.com")
    access = imap_access_of(mailbox)
    assert access == Access("ops@example.com", "imap.example.com", 993, SECRET)
    assert SECRET not in repr(access)
    reader = reader_of(settings, mailbox)
    assert isinstance(reader, ImapReader)
    reader.close()


def test_without_a_password_an_application_signs_in(tmp_path: Path) -> None:
    application = {key: GRAPH[key] for key in ("tenant_id", "client_id", "client_secret")}
    own = {key: value for key, value in IMAP.items() if key != "password"}
    mailbox = mailbox_of(load(tmp_path, {**own, **application}), "ops@example.com")
    access = imap_access_of(mailbox)
    assert access.password is None
    assert access.application
    assert (access.application.tenant, access.application.secret) == ("contoso.example", SECRET)
    assert SECRET not in repr(access)
