"""Keys of sections that have mails sent: by which server, from whom, to whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from mailevents_dagster.settings.fields import (
    NO_TRUTH_VALUE,
    Context,
    FaultError,
    MailAddress,
    SecretVariable,
    Strict,
    YesNo,
    refuse,
    secret_in,
)
from mailevents_dagster.settings.values import check_host, is_loopback


class MailSettings(Strict):
    """The mail server that takes mails, and who gets them."""

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

    @field_validator("password_variable")
    @classmethod
    def _holds_a_password(cls, variable: str | None, info: ValidationInfo[Context | None]) -> str | None:
        secret_of(variable, info)
        return variable

    @model_validator(mode="after")
    def _can_be_told(self) -> Self:
        refuse(self._lacking())
        return self

    def _lacking(self) -> Iterator[tuple[str, str]]:
        if self.to and self.sender is None:
            yield "from", "is missing beside `to`; write for example `from: mailevents@example.com`"
        if self.to and self.smtp_host is None:
            yield "smtp_host", "is missing beside `to`; write for example `smtp_host: smtp.example.com`"
        if self.user is not None and self.password_variable is None:
            example = "`password: ${MAILEVENTS_SMTP_PASSWORD}`"
            yield "password", f"is missing beside `user`; write for example {example}"
        if self.password_variable is not None and self.user is None:
            yield "user", "is missing beside `password`; write for example `user: mailevents@example.com`"
        if self.password_variable and not self.starttls and not is_loopback(self.smtp_host or "localhost"):
            mend = "write true, or take user and password out"
            yield "starttls", f"false would send the password unencrypted; {mend}"


def secret_of(variable: str | None, info: ValidationInfo[Context | None]) -> str | None:
    """Return the secret that the environment has, if there is a variable and an environment."""
    if variable is None or info.context is None:
        return None
    value = secret_in(variable, info.context.environ)
    if not value.isprintable() or value != value.strip():
        raise FaultError(f"the value of {variable} has spaces or line breaks around it; copy it alone")
    return value
