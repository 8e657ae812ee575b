"""Who is told of troubles, as it is written in the settings; no secret is shown."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from mailevents_dagster.settings import SettingsError
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster_tests.settings.documents import ENVIRON, EXAMPLE, KEY, NOW, Complaints, Load, document

HOOK = "https://hooks.example.com/services/T0/B0/s3cret?sig=m0re"
PASSWORD = "s3cret of the mail server"
TELLING = {**ENVIRON, "HOOK": HOOK, "PASSWORD": PASSWORD}
MAIL = {"to": ["ops@example.com"], "from": "mailevents@bücher.example", "smtp_host": "smtp.example.com"}
SIGNS_IN = {**MAIL, "user": "somebody", "password": "${PASSWORD}"}


def test_nobody_is_told_until_it_is_asked_for(load: Load) -> None:
    assert not load().alerts.are_on
    assert load().alerts == load_settings(EXAMPLE, {"UZMANPOSTA_KEY_EXAMPLE_COM": KEY}, NOW).alerts
    assert load(environ=TELLING, alerts={"webhook": "${HOOK}"}).alerts.are_on
    assert load(alerts={"mail": MAIL}).alerts.are_on


def test_alerts_hold_the_names_of_their_variables_and_never_the_values(load: Load) -> None:
    loaded = load(environ=TELLING, alerts={"webhook": "${HOOK}", "mail": SIGNS_IN})
    assert (loaded.alerts.webhook_variable, loaded.alerts.mail.password_variable) == ("HOOK", "PASSWORD")
    assert loaded.alerts.mail.sender == "mailevents@xn--bcher-kva.example"
    assert not [secret for secret in (HOOK, PASSWORD) if secret in repr(loaded) + loaded.model_dump_json()]


@pytest.mark.parametrize(
    ("alerts", "path", "message"),
    [
        ({"webhook": HOOK}, "alerts.webhook", "a secret never stands in this file"),
        ({"webhook": "x${HOOK}"}, "alerts.webhook", "is not `${NAME}`"),
        ({"webhook": "${UNSET}"}, "alerts.webhook", "UNSET is not set or empty"),
        ({"webhook": "${KEY_A}"}, "alerts.webhook", "is not an https address"),
        ({"mail": {"to": ["ops@example.com"]}}, "alerts.mail.from", "is missing beside `to`"),
        ({"mail": {"to": ["ops@example.com"]}}, "alerts.mail.smtp_host", "is missing beside `to`"),
        ({"mail": {**MAIL, "user": "somebody"}}, "alerts.mail.password", "is missing beside `user`"),
        ({"mail": {**MAIL, "password": "${PASSWORD}"}}, "alerts.mail.user", "is missing beside `password`"),
        ({"mail": {**SIGNS_IN, "password": PASSWORD}}, "alerts.mail.password", "a secret never stands in this file"),
        ({"mail": {**SIGNS_IN, "password": "${UNSET}"}}, "alerts.mail.password", "UNSET is not set or empty"),
        ({"mail": {**SIGNS_IN, "starttls": False}}, "alerts.mail.starttls", "password unencrypted"),
        ({"mail": {**SIGNS_IN, "starttls": "false"}}, "alerts.mail.starttls", "password unencrypted"),
        ({"mail": {**MAIL, "to": ["Ops <ops@example.com>"]}}, "alerts.mail.to[0]", "is not a mail address"),
        ({"mail": {**MAIL, "to": ["ops"]}}, "alerts.mail.to[0]", "is not a mail address"),
        ({"mail": {**MAIL, "to": "ops@example.com"}}, "alerts.mail.to", "is not a list; write for example `to: ["),
        (
            {"mail": {**MAIL, "smtp_host": "smtp.example.com:587"}},
            "alerts.mail.smtp_host",
            "is not the name of a server",
        ),
        ({"mail": {**MAIL, "smtp_port": 0}}, "alerts.mail.smtp_port", "from 1 to 65535"),
        ({"repeat_hours": 0}, "alerts.repeat_hours", "from 1 to 8760"),
        ({"webhok": HOOK}, "alerts.webhok", "did you mean `webhook`?"),
    ],
)
def test_alerts_that_could_not_be_sent_are_refused(
    complaints: Complaints, alerts: dict[str, Any], path: str, message: str
) -> None:
    told = complaints(environ=TELLING, alerts=alerts)
    assert message in told[path]
    assert not [secret for secret in ("s3cret", KEY) if secret in str(told)]


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/s3cret", "https://user:s3cret@hooks.example.com", "https:///s3cret", "s3cret",
        "https://hooks.example.com:0/s3cret", "https://[::1/s3cret", "https://hooks.example.com/s3 cret", "ftp://x/s3cret",
        " https://hooks.example.com/s3cret", "https://hooks.example.com/s3cret\n",
    ],
)  # fmt: skip
def test_a_webhook_that_is_not_safe_is_refused_and_not_shown(complaints: Complaints, url: str) -> None:
    told = complaints(environ={**TELLING, "HOOK": url}, alerts={"webhook": "${HOOK}"})
    assert list(told) == ["alerts.webhook"]
    assert "s3" not in str(told)


@pytest.mark.parametrize("url", [HOOK, "http://127.0.0.1:8065/hooks/x", "https://prod-1.example.com:443/a?b=c&d=e%20f"])
def test_a_webhook_that_is_safe_is_taken(load: Load, url: str) -> None:
    assert load(environ={**TELLING, "HOOK": url}, alerts={"webhook": "${HOOK}"}).alerts.are_on


def test_a_mail_server_on_this_machine_may_do_without_tls(load: Load) -> None:
    mail = {**SIGNS_IN, "starttls": False, "smtp_host": "localhost"}
    assert load(environ=TELLING, alerts={"mail": mail}).alerts.mail.starttls is False


@pytest.mark.parametrize(
    "slip", ["alerts: 'webhook:https://x/s3cret'", "alerts: {mail: 'password: s3cret'}", "alerts: {webhook: [s3cret]}"]
)
def test_a_slip_of_the_pen_shows_no_secret_of_alerts(load: Load, slip: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(yaml.safe_dump(document()) + slip)
    assert "s3cret" not in str(caught.value)
