"""The section that says who is told of troubles, and how."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from mailevents_dagster.settings.fields import NO_TRUTH_VALUE, Context, FaultError, SecretVariable, Strict
from mailevents_dagster.settings.mails import MailSettings, secret_of
from mailevents_dagster.settings.values import web_address


class AlertMailSettings(MailSettings):
    """The mail server that takes alerts, and who gets them."""


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

    @field_validator("webhook_variable")
    @classmethod
    def _holds_an_address(cls, variable: str | None, info: ValidationInfo[Context | None]) -> str | None:
        if address := secret_of(variable, info):
            try:
                web_address(address, "copy the whole address of the webhook into it")
            except ValueError as error:
                raise FaultError(f"the address in the variable {error}") from None
        return variable

    @property
    def are_on(self) -> bool:
        return self.webhook_variable is not None or bool(self.mail.to)
