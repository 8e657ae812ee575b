"""The section that says who is told of troubles, and how."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from mailevents_dagster.settings.strict import NO_TRUTH_VALUE, MailAddress, SecretVariable, Strict, YesNo
from mailevents_dagster.settings.values import check_host


class AlertMailSettings(Strict):
    """The mail server that takes alerts, and who gets them."""

    to: tuple[MailAddress, ...] = Field(
        default=(), description="Who gets the mails; none: no mail is sent.", examples=[["ops@example.com"]]
    )
    sender: MailAddress | None = Field(
        default=None, alias="from", description="Whom the mails come from.", examples=["mailevents@example.com"]
    )
    smtp_host: Annotated[str, AfterValidator(check_host)] | None = Field(
        default=None, description="The mail server that takes them.", examples=["smtp.example.com"]
    )
    smtp_port: Annotated[int, Field(ge=1, le=65535), NO_TRUTH_VALUE] = Field(
        default=587, description="Its port; on 465 TLS begins at once, without STARTTLS."
    )
    starttls: YesNo = Field(default=True, description="Whether the server must turn to TLS before it is told anything.")
    user: str | None = Field(
        default=None, description="Who signs in at the mail server; null: nobody.", examples=["mailevents@example.com"]
    )
    password_variable: SecretVariable | None = Field(
        default=None,
        alias="password",
        description="The environment variable with the password of `user`, as ${NAME}.",
        examples=["${MAILEVENTS_SMTP_PASSWORD}"],
    )


class AlertSettings(Strict):
    """Who is told of troubles; nobody is, unless a webhook or addresses are written."""

    webhook_variable: SecretVariable | None = Field(
        default=None,
        alias="webhook",
        description="The environment variable with the URL of a webhook that takes Slack's JSON, as ${NAME}.",
        examples=["${MAILEVENTS_WEBHOOK}"],
    )
    mail: AlertMailSettings = Field(
        default=AlertMailSettings(),
        description="Alerts by mail.",
        examples=[{"to": ["ops@example.com"], "from": "mailevents@example.com", "smtp_host": "smtp.example.com"}],
    )
    repeat_hours: Annotated[int, Field(ge=1, le=8760), NO_TRUTH_VALUE] = Field(
        default=24, description="A trouble that goes on is told again after so long."
    )

    @property
    def are_on(self) -> bool:
        return self.webhook_variable is not None or bool(self.mail.to)
