"""The sections that say what is kept, and for how long: the collector's own logs, and stored events."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from mailevents_dagster.settings.strict import Days, FilesKept, Moment, OperatingLogName, Strict
from mailevents_dagster.settings.values import check_feed_pattern, check_reason


class OperatingLogSettings(Strict):
    """The collector's own logs, beside the log files of each feed: what it did, and what went wrong."""

    messages: OperatingLogName = Field(
        default="messages_%Y-%m-%d_%H.log",
        description="Name of the file that says what was done, a line each; %Y, %m, %d, %H of the time it was.",
    )
    messages_kept: FilesKept = Field(default=2, description="How many of these files are kept, the newest.")
    errors: OperatingLogName = Field(
        default="errors_%Y-%m-%d_%H.log",
        description="Name of the file that says what went wrong, a JSON object a line.",
    )
    errors_kept: FilesKept = Field(default=2, description="How many of these files are kept, the newest.")


class LegalHold(Strict):
    """Hours that are kept whatever their age, because somebody may be asked for them."""

    feeds: Annotated[str, AfterValidator(check_feed_pattern)] = Field(
        description="The feeds that are held, as a pattern of `domain feed`.", examples=["example.com *"]
    )
    first: Moment | None = Field(
        default=None,
        alias="from",
        description="The first hour held, in the time zone above; null: from the beginning.",
        examples=["2026-03-01T00:00"],
    )
    until: Moment | None = Field(
        default=None, description="The hour after the last held; null: without end.", examples=["2026-07-01T00:00"]
    )
    reason: Annotated[str, AfterValidator(check_reason)] = Field(
        description="Why; it stands in logs, so no names of people.", examples=["case 2026/17"]
    )


class RetentionSettings(Strict):
    """How long stored events are kept before housekeeping destroys them."""

    mail_days: Days | None = Field(
        default=None, description="Mail events older than so many days are destroyed; null: kept for ever."
    )
    quarantine_days: Days | None = Field(default=None, description="As mail_days, for quarantine.")
    authentication_days: Days | None = Field(default=None, description="As mail_days, for sign-ins.")
    legal_hold: tuple[LegalHold, ...] = Field(
        default=(),
        description="What is never destroyed, whatever its age.",
        examples=[[{"feeds": "example.com *", "reason": "case 2026/17"}]],
    )
