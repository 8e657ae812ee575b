"""Other systems that are told who must not be mailed any more, and who may be again."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from mailevents_dagster.settings.fields import (
    NO_TRUTH_VALUE,
    Context,
    FaultError,
    SecretVariable,
    Strict,
    secret_in,
)
from mailevents_dagster.settings.values import web_address
from mailevents_dagster.sources.queues import QueueSettings

_PREFIX: Final = "whsec_"
"""Before a key in base64, as the Standard Webhooks write it."""


def signing_key(variable: str, environ: Mapping[str, str]) -> bytes:
    """Return the key that a variable holds, as text or in base64; FaultError where it holds none."""
    text = secret_in(variable, environ).strip()
    try:
        encoded = text.removeprefix(_PREFIX)
        return text.encode() if encoded == text else base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise FaultError(
            f"the environment variable {variable} holds no key in base64; make one of 32 random bytes: "
            f'echo "{_PREFIX}$(openssl rand -base64 32)"'
        ) from None


def _has_a_key(variable: str, info: ValidationInfo[Context]) -> str:
    signing_key(variable, info.context.environ)
    return variable


def _check_url(url: str) -> str:
    if "#" in url:
        raise ValueError("holds a fragment, which is not sent; take it out")
    web_address(url, "write it like https://example.com/suppressions")
    return url


class EndpointSettings(Strict):
    """An address that additions and removals are posted to."""

    url: Annotated[str, AfterValidator(_check_url)] = Field(
        description="Where they are posted to, by HTTPS.", examples=["https://example.com/suppressions"]
    )
    secret_variable: Annotated[SecretVariable, AfterValidator(_has_a_key)] = Field(
        alias="secret",
        description="The environment variable, as ${NAME}, with the key that signs each call: text, or `whsec_` and "
        "base64.",
        examples=["${SUPPRESSION_SECRET}"],
    )


class PushSettings(Strict):
    """Who is told."""

    sqs: QueueSettings | None = Field(
        default=None, description="A queue of SQS; null: none.", examples=[{"queue": "suppressions"}]
    )
    webhook: EndpointSettings | None = Field(
        default=None,
        description="An address on the web; null: none.",
        examples=[{"url": "https://example.com/suppressions", "secret": "${SUPPRESSION_SECRET}"}],
    )
    addresses: Literal["plain", "hashed"] = Field(
        default="plain",
        description="Whether addresses are named, or their keyed hashes (HMAC-SHA256) by the `hash_key` beside `push`.",
    )
    late_minutes: Annotated[int, Field(ge=1, le=10_080), NO_TRUTH_VALUE] = Field(
        default=30, description="How long an addition or removal may wait before the check `published` warns."
    )

    @model_validator(mode="after")
    def _tells_somebody(self) -> Self:
        if self.sqs is None and self.webhook is None:
            raise FaultError("tells nobody; add `sqs` or `webhook`, or take `push` out")
        return self
