"""The sections of the settings file, but for that on alerts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from mailevents_dagster.settings.fields import (
    NO_TRUTH_VALUE,
    Context,
    FilesKept,
    Moment,
    OperatingLogName,
    Strict,
    YesNo,
)
from mailevents_dagster.settings.values import check_feed_pattern, check_reason, check_time_of_day

DAYS: Final = "_days"
"""What ends the keys of retention; the category of the events stands before it."""


class CollectSettings(Strict):
    """What is collected, and when."""

    settle_minutes: Annotated[int, Field(ge=0, le=1440), NO_TRUTH_VALUE] = Field(
        default=10, description="How long after its end an hour is listed a last time and closes."
    )
    lookback_hours: Annotated[int, Field(ge=0, le=360), NO_TRUTH_VALUE] = Field(
        default=24, description="How many closed hours are listed again for events that came late."
    )
    details: YesNo = Field(
        default=True,
        description="Whether the details of mails are fetched, one call each; false keeps their listing rows.",
    )
    hours_per_run: Annotated[int, Field(ge=1, le=744), NO_TRUTH_VALUE] = Field(
        default=24, description="How many hours a run is asked for at most, of a backfill or to catch up."
    )
    memory_mb: Annotated[int, Field(ge=1, le=4096), NO_TRUTH_VALUE] = Field(
        default=16,
        description="Memory for the records of an hour that is collected, and as much again for those of listing pages "
        "of which a detail is not here yet; beyond it they wait on disk. A run has up to 32 such hours open, two an "
        "account.",
    )


class AutomationSettings(Strict):
    """What happens by itself, and how often."""

    enabled: YesNo = Field(
        default=True, description="Whether sensor and schedules start switched on; each can be switched in the UI."
    )
    follow_minutes: Annotated[float, Field(ge=0.1, le=60, allow_inf_nan=False), NO_TRUTH_VALUE] = Field(
        default=5.0, description="How often the hour now running is collected, and what else is due is looked for."
    )
    max_parallel_runs: Annotated[int, Field(ge=1, le=64), NO_TRUTH_VALUE] = Field(
        default=4, description="How many runs catch up at a time."
    )
    catch_up_days: Annotated[int, Field(ge=1, le=3660), NO_TRUTH_VALUE] | None = Field(
        default=None, description="How far back gaps are filled by themselves; null: from the start on.", examples=[90]
    )
    reconcile_at: Annotated[str, AfterValidator(check_time_of_day)] = Field(
        default="03:30", description="When the last lookback_hours are listed again each day, in the time zone above."
    )
    keep_follow_runs_days: Annotated[int, Field(ge=1, le=365), NO_TRUTH_VALUE] = Field(
        default=2, description="How long Dagster keeps its records of runs that no hour's status hangs on."
    )


class SummarySettings(Strict):
    """What is counted of each day, beside collecting it."""

    enabled: YesNo = Field(
        default=True, description="Whether there are daily summaries, of domains and mail servers, and lives of mails."
    )


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

    @field_validator("until")
    @classmethod
    def _is_after_first(cls, until: int | None, info: ValidationInfo[Context]) -> int | None:
        first = info.data.get("first")
        if until is not None and first is not None and first >= until:
            raise ValueError("is not after `from`; nothing is held")
        return until


class RetentionSettings(Strict):
    """How long stored events are kept before housekeeping destroys them."""

    legal_hold: tuple[LegalHold, ...] = Field(
        default=(),
        description="What is never destroyed, whatever its age.",
        examples=[[{"feeds": "example.com *", "reason": "case 2026/17"}]],
    )

    @property
    def days(self) -> Mapping[str, int]:
        """Days by category; one that is not in here is kept for ever."""
        return {key.removesuffix(DAYS): days for key, days in self if key.endswith(DAYS) and days is not None}
