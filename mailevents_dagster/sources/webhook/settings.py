"""The webhooks' part of the settings file: `webhooks`, one each, and `receiver`, the server that takes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, WithJsonSchema, field_validator, model_validator

from mailevents_dagster.model.feed import dagster_name
from mailevents_dagster.settings.fields import (
    NO_TRUTH_VALUE,
    OF_VARIABLE,
    Context,
    FaultError,
    FilePath,
    PastMoment,
    Strict,
    check_secret_variable,
    refuse,
)
from mailevents_dagster.settings.models import Settings
from mailevents_dagster.settings.values import TAKEN_OWNERS, check_host
from mailevents_dagster.settings.variables import VARIABLE_PATTERN

SIMULATOR: Final = "simulator"
DEMO: Final = {"webhooks": [{"name": "olaylar.kuzey.example", "provider": "mailgun", "secret": SIMULATOR}]}
"""What the settings of a project that has no file say of webhooks."""

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?")
_PREFIX: Final = re.compile(r"(/[A-Za-z0-9._~-]{1,100}){0,10}")
_TOPIC: Final = re.compile(r"arn:aws[a-z-]{0,10}:sns:[a-z0-9-]{1,30}:[0-9]{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?")


def _check_name(name: str) -> str:
    name = name.lower()
    if not _NAME.fullmatch(name) or ".." in name or name in TAKEN_OWNERS:
        raise ValueError(
            "is not a name for a webhook; write one like `replies`: letters, digits and inner dots, hyphens and "
            "underscores, 100 characters at most"
        )
    return name


def _check_prefix(path: str) -> str:
    if not _PREFIX.fullmatch(path) or "/.." in path or "/." in path:
        raise ValueError("is not a path; write it like /mail, or leave it out")
    return path


def _check_topic(topic: str) -> str:
    if not _TOPIC.fullmatch(topic):
        raise ValueError("is not the ARN of a topic; write it like arn:aws:sns:eu-west-1:123456789012:ses-events")
    return topic


def _secret_or_simulator(text: str, info: ValidationInfo[Context]) -> str:
    return text if text == SIMULATOR else check_secret_variable(text, info)


WebhookSecret = Annotated[
    str,
    AfterValidator(_secret_or_simulator),
    OF_VARIABLE,
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": VARIABLE_PATTERN}, {"const": SIMULATOR}]}),
]
"""The name of an environment variable that holds the secret; or that there is none, since nothing is received."""


class WebhookEntry(Strict):
    """One webhook of a provider."""

    name: Annotated[str, AfterValidator(_check_name)] = Field(
        description="Names the feed, and ends the address that the provider is given.", examples=["replies"]
    )
    provider: Literal["sendgrid", "mailgun", "postmark", "ses"] = Field(
        description="Who sends it.", examples=["mailgun"]
    )
    secret_variable: WebhookSecret | None = Field(
        default=None,
        alias="secret",
        description="The environment variable, as ${NAME}, with the HTTP webhook signing key (mailgun), or with the "
        "password in the address that the provider is given. The verification key of signed events (sendgrid) may "
        "stand there, too; or `simulator` for a made-up webhook (mailgun).",
        examples=["${MAILGUN_SIGNING_KEY}"],
    )
    user: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="The user in that address; null: any.", examples=["mailevents"]
    )
    public_key: Annotated[str, Field(min_length=1, max_length=4096)] | None = Field(
        default=None,
        description="Of sendgrid: the verification key of signed events, as its console shows it.",
        examples=["MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE…"],
    )
    topics: tuple[Annotated[str, AfterValidator(_check_topic)], ...] = Field(
        default=(),
        description="Of ses: the ARNs of the topics of SNS that are believed, and whose subscription is confirmed.",
        examples=[["arn:aws:sns:eu-west-1:123456789012:ses-events"]],
    )
    max_age_minutes: Annotated[int, Field(ge=1, le=44_640), NO_TRUTH_VALUE] | None = Field(
        default=None,
        description="How old a signature may be; null: as long as the provider sends again what was not taken.",
        examples=[60],
    )
    start: PastMoment | None = Field(
        default=None,
        description="The first hour of this webhook, where it is later than the general one.",
        examples=["2026-11-01T00:00"],
    )

    @property
    def is_simulated(self) -> bool:
        return self.secret_variable == SIMULATOR

    @field_validator("name")
    @classmethod
    def _is_there_once(cls, name: str, info: ValidationInfo[Context]) -> str:
        taken = info.context.above.setdefault("names of webhooks", {})
        if dagster_name(name) in taken:
            raise FaultError(f"{name} and {taken[dagster_name(name)]} would be one group; take one of them out")
        taken[dagster_name(name)] = name
        return name

    @model_validator(mode="after")
    def _can_be_proven(self) -> Self:
        if self.public_key and self.provider != "sendgrid":
            refuse([("public_key", "is for sendgrid alone; take it out")])
        if self.topics and self.provider != "ses":
            refuse([("topics", "are for ses alone; take them out")])
        if self.is_simulated and self.provider != "mailgun":
            raise FaultError(f"has `secret: {SIMULATOR}`, which is a webhook of mailgun")
        other = {"sendgrid": self.public_key, "ses": self.topics}.get(self.provider)
        if self.secret_variable is None and not other:
            besides = {"sendgrid": ", or `public_key`", "ses": ", or `topics`"}.get(self.provider, "")
            raise FaultError(f"needs `secret: ${{NAME}}`, the variable with the secret{besides}: anybody may call it")
        return self


class ReceiverSettings(Strict):
    """The server that `mailevents receive` runs."""

    host: Annotated[str, AfterValidator(check_host)] = Field(
        default="127.0.0.1", description="The address that it listens at; 0.0.0.0: all of this machine."
    )
    port: Annotated[int, Field(ge=0, le=65_535), NO_TRUTH_VALUE] = Field(
        default=8800, description="Its port; 0: any that is free."
    )
    prefix: Annotated[str, AfterValidator(_check_prefix)] = Field(
        default="", description="The path that a proxy leaves before /webhooks.", examples=["/mail"]
    )
    certificate: FilePath | None = Field(
        default=None,
        description="A PEM file with the certificate and those above it, for TLS without a proxy.",
        examples=["receiver.pem"],
    )
    key: FilePath | None = Field(
        default=None, description="The private key of the certificate.", examples=["receiver.key"]
    )
    max_body_mb: Annotated[int, Field(ge=1, le=1_000), NO_TRUTH_VALUE] = Field(
        default=50, description="The largest request that is taken."
    )
    max_spool_mb: Annotated[int, Field(ge=1, le=1_000_000), NO_TRUTH_VALUE] = Field(
        default=4096,
        description="The most that waits to be collected of one webhook; beyond it the provider must send again.",
    )

    @model_validator(mode="after")
    def _has_both_or_none(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise FaultError("needs `certificate` and `key`, or neither of them")
        return self

    def path_of(self, name: str) -> str:
        """Return the path of a webhook."""
        return f"{self.prefix}/webhooks/{name}"


class WebhookSettings(Strict):
    """The keys at the top of the file that are the webhooks'."""

    webhooks: tuple[WebhookEntry, ...] = Field(
        default=(),
        description="Webhooks of providers, which `mailevents receive` takes.",
        examples=[[{"name": "replies", "provider": "mailgun", "secret": "${MAILGUN_SIGNING_KEY}"}]],
    )
    receiver: ReceiverSettings = Field(
        default=ReceiverSettings(), description="Where webhooks are received.", examples=[{"port": 8800}]
    )


def received(settings: Settings) -> Sequence[WebhookEntry]:
    """Return the webhooks that are received, and not made up."""
    return [one for one in settings.section(WebhookSettings).webhooks if not one.is_simulated]


def start_of(webhook: WebhookEntry, settings: Settings) -> int:
    return settings.start if webhook.start is None else webhook.start
