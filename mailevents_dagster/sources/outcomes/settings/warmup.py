"""How fast a domain's mail may grow, and which of its mails are kept apart."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from mailevents_dagster.settings.fields import NO_TRUTH_VALUE, Context, PastMoment, Strict

Mails = Annotated[int, Field(ge=1, le=100_000_000), NO_TRUTH_VALUE]


class StreamSettings(Strict):
    """Mails of one purpose, told by whom they are from or what they are about."""

    name: Annotated[str, Field(min_length=1, max_length=40)] = Field(
        description="What it is called.", examples=["newsletter"]
    )
    kind: Literal["transactional", "marketing"] = Field(
        description="Mails that somebody waits for, or mails to many.", examples=["marketing"]
    )
    senders: tuple[str, ...] = Field(
        default=(), description="Patterns of envelope senders, such as `*@news.example.com`."
    )
    subjects: tuple[str, ...] = Field(default=(), description="Patterns of subjects, such as `*newsletter*`.")


class WarmupSettings(Strict):
    """How fast the mail of each sending address may grow."""

    begun: PastMoment | None = Field(
        default=None,
        description="When warming up began; null: a sending address that appears 30 days after others begins on that "
        "day, and all others are warm.",
        examples=["2026-11-01T00:00"],
    )
    plan: Annotated[tuple[Mails, ...], Field(min_length=1)] = Field(
        default=(50, 100), description="The most mails of the first days, a number a day."
    )
    growth: Annotated[float, Field(ge=1, le=3), NO_TRUTH_VALUE] = Field(
        default=1.2, description="How many times as many each day after these."
    )
    most: Mails = Field(default=100_000, description="Mails a day from which on it is warm, and not bounded.")
    streams: tuple[StreamSettings, ...] = Field(
        default=(), description="Mails of different purposes, which should not share address and subdomain."
    )

    @field_validator("streams")
    @classmethod
    def _names_differ(
        cls, streams: tuple[StreamSettings, ...], _info: ValidationInfo[Context]
    ) -> tuple[StreamSettings, ...]:
        names = [stream.name for stream in streams]
        if len(set(names)) < len(names):
            raise ValueError("names a stream twice; give each a name of its own")
        return streams
