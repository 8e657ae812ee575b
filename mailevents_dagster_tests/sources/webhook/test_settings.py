"""The webhooks' part of the settings file: what is right, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mailevents_dagster.settings import Settings, SettingsError
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.webhook.providers import PROVIDERS
from mailevents_dagster.sources.webhook.receiving.serving import AccessError, access_of
from mailevents_dagster.sources.webhook.settings import WebhookSettings
from mailevents_dagster_tests.sources.webhook.senders import TOPIC, SendGridKey

KEY = SendGridKey().public
ENVIRON = {"MAILGUN_SIGNING_KEY": "k3y-that-signs", "PASSWORD": "p4ss", "VERIFICATION_KEY": KEY, "EMPTY": " "}
MAILGUN = {"name": "replies", "provider": "mailgun", "secret": "${MAILGUN_SIGNING_KEY}"}


def load(folder: Path, *webhooks: dict[str, Any], **others: Any) -> Settings:
    file = folder / "mailevents.yaml"
    file.write_text(yaml.safe_dump({"start": "2026-11-01T00:00", "webhooks": list(webhooks), **others}))
    return load_settings(file, ENVIRON)


def access(folder: Path, **webhook: Any) -> Any:
    [one] = load(folder, {"name": "a", **webhook}).section(WebhookSettings).webhooks
    return access_of(one, PROVIDERS[one.provider], ENVIRON)


def test_a_webhook_alone_is_enough(tmp_path: Path) -> None:
    settings = load(tmp_path, {**MAILGUN, "name": "Replies"})
    [feed] = settings.feeds
    assert str(feed) == "replies webhook/mailgun"
    assert feed.asset_key == ("webhook", "replies")
    assert settings.configured[0].access == {"endpoint": "/webhooks/replies"}
    receiver = settings.section(WebhookSettings).receiver
    assert (receiver.host, receiver.port, receiver.prefix) == ("127.0.0.1", 8800, "")


def test_a_webhook_may_begin_later(tmp_path: Path) -> None:
    settings = load(tmp_path, {**MAILGUN, "start": "2026-11-03T05:00"}, {**MAILGUN, "name": "other"})
    assert [one.start - settings.start for one in settings.configured] == [53 * 3600, 0]


def test_no_secret_is_in_the_settings(tmp_path: Path) -> None:
    assert ENVIRON["MAILGUN_SIGNING_KEY"] not in repr(load(tmp_path, MAILGUN))
    assert ENVIRON["PASSWORD"] not in repr(access(tmp_path, provider="postmark", secret="${PASSWORD}"))


def test_what_requests_are_proven_by(tmp_path: Path) -> None:
    signed = access(tmp_path, provider="mailgun", secret="${MAILGUN_SIGNING_KEY}")
    assert (signed.secret, signed.max_age) == ("k3y-that-signs", 8 * 3600)
    assert access(tmp_path, provider="mailgun", secret="${PASSWORD}", max_age_minutes=5).max_age == 300
    both = access(tmp_path, provider="sendgrid", secret="${PASSWORD}", public_key=KEY)
    assert (both.secret, both.public_key) == ("p4ss", KEY)
    key = access(tmp_path, provider="sendgrid", secret="${VERIFICATION_KEY}")
    assert (key.secret, key.public_key) == ("", KEY)
    assert access(tmp_path, provider="ses", topics=[TOPIC]).topics == {TOPIC}
    assert access(tmp_path, provider="postmark", secret="${PASSWORD}", user="pm").user == "pm"


def test_a_public_key_that_is_none_proves_nothing_and_is_told(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="is not a verification key"):
        access(tmp_path, provider="sendgrid", public_key=KEY[:-8])


def test_the_prefix_stands_before_the_paths(tmp_path: Path) -> None:
    settings = load(tmp_path, MAILGUN, receiver={"prefix": "/mail", "port": 0})
    assert settings.configured[0].access == {"endpoint": "/mail/webhooks/replies"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"secret": None}, "needs `secret: ${NAME}`"),
        ({"secret": "plain"}, "${"),
        ({"secret": "${EMPTY}"}, "is not set or empty"),
        ({"secret": "${NOT_THERE}"}, "is not set or empty"),
        ({"provider": "mandrill"}, "mandrill"),
        ({"name": "a/b"}, "is not a name"),
        ({"name": "../x"}, "is not a name"),
        ({"name": "all"}, "is not a name"),
        ({"name": "a..b"}, "is not a name"),
        ({"public_key": "x"}, "is for sendgrid alone"),
        ({"topics": [TOPIC]}, "are for ses alone"),
        ({"topics": ["x"], "provider": "ses"}, "is not the ARN"),
        ({"max_age_minutes": 0}, "max_age_minutes"),
        ({"max_age_minutes": True}, "is not a whole number"),
        ({"secrets": "x"}, "secret"),
        ({"secret": "simulator", "provider": "postmark"}, "which is a webhook of mailgun"),
    ],
    ids=str,
)
def test_a_wrong_webhook_is_told(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as wrong:
        load(tmp_path, {**MAILGUN, **changes})
    assert said in str(wrong.value)
    assert "webhooks" in str(wrong.value)


@pytest.mark.parametrize(
    ("receiver", "said"),
    [
        ({"certificate": "x.pem"}, "`certificate` and `key`"),
        ({"prefix": "mail/"}, "is not a path"),
        ({"prefix": "/.."}, "is not a path"),
        ({"host": "http://x"}, "is not the name of a server"),
        ({"port": 70_000}, "port"),
    ],
    ids=str,
)
def test_a_wrong_receiver_is_told(tmp_path: Path, receiver: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as wrong:
        load(tmp_path, MAILGUN, receiver=receiver)
    assert said in str(wrong.value)


def test_names_that_dagster_cannot_tell_apart_are_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="would be one group"):
        load(tmp_path, {**MAILGUN, "name": "a-b"}, {**MAILGUN, "name": "a.b"})
