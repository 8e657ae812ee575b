"""What alerts need beside a value of the right kind: variables that are set, and a mail server that can be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mailevents_dagster.settings.checks import Draft
from mailevents_dagster.settings.problems import Place
from mailevents_dagster.settings.values import check_webhook, is_loopback
from mailevents_dagster.settings.variables import secret_variable_of

WEBHOOK: Final[Place] = ("alerts", "webhook")
MAIL: Final[Place] = ("alerts", "mail")


def check_alerts(draft: Draft, environ: Mapping[str, str]) -> None:
    """Adds the problems to those of the draft; none of them holds the value of a variable."""
    webhook = _secret(draft, WEBHOOK, environ)
    if webhook is not None:
        try:
            check_webhook(webhook)
        except ValueError as error:
            draft.problems.add(WEBHOOK, f"the address in the variable {error}")
    password = _secret(draft, (*MAIL, "password"), environ)
    if draft.count(*MAIL, "to"):
        _need(draft, "from", "mailevents@example.com", "to")
        _need(draft, "smtp_host", "smtp.example.com", "to")
    if draft.text(*MAIL, "user") is not None:
        _need(draft, "password", "${MAILEVENTS_SMTP_PASSWORD}", "user")
    if draft.text(*MAIL, "password") is not None:
        _need(draft, "user", "mailevents@example.com", "password")
    host = draft.text(*MAIL, "smtp_host")
    if password is not None and host is not None and draft.truth(*MAIL, "starttls") is False and not is_loopback(host):
        draft.problems.add(
            (*MAIL, "starttls"), "false would send the password unencrypted; write true, or take user and password out"
        )


def _secret(draft: Draft, place: Place, environ: Mapping[str, str]) -> str | None:
    """The secret that a variable holds, or None: nothing is written, or it has a problem."""
    written = draft.text(*place)
    if written is None:
        return None
    variable = secret_variable_of(written)
    value = environ.get(variable, "")
    if not value.strip():
        draft.problems.add(place, f"the environment variable {variable} is not set or empty; put the secret into it")
        return None
    if not value.isprintable() or value != value.strip():
        draft.problems.add(place, f"the value of {variable} has spaces or line breaks around it; copy it alone")
        return None
    return value


def _need(draft: Draft, key: str, such_as: str, other: str) -> None:
    if draft.text(*MAIL, key) is None:
        draft.problems.add((*MAIL, key), f"is missing beside `{other}`; write for example `{key}: {such_as}`")
