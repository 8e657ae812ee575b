"""The sections that say how and when events are collected, and what is counted of them."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from mailevents_dagster.settings.strict import NO_TRUTH_VALUE, BaseUrl, Parallel, Rate, Strict, YesNo
from mailevents_dagster.settings.values import check_time_of_day

DEFAULT_BASE_URL: Final = "https://yenipanel-api.uzmanposta.com/api/v2"


class ApiSettings(Strict):
    """How the API is asked. The first three can be set for one account, too."""

    base_url: BaseUrl = Field(
        default=DEFAULT_BASE_URL,
        description="Address of the API (https, or http on this machine alone), or `simulator` for a made-up one.",
    )
    requests_per_second: Rate | None = Field(
        default=10.0,
        description="Requests a second of one key, shared by every process and all accounts that have it, of which the "
        "lowest counts; null: no limit but the API's own.",
    )
    max_parallel_details: Parallel | None = Field(
        default=None,
        description="How many details of one account are asked for at a time; null: found from the rate and the time "
        "that answers take, 8 where there is no rate.",
        examples=[8],
    )
    page_limit: Annotated[int, Field(ge=1, le=1000), NO_TRUTH_VALUE] = Field(
        default=1000, description="Rows that make an answer count as full, so that the rest of its window is asked for."
    )
    timeout_seconds: Annotated[float, Field(ge=0.1, le=3600, allow_inf_nan=False), NO_TRUTH_VALUE] = Field(
        default=120.0, description="How long one answer may take as a whole before it is asked for again."
    )
    max_attempts: Annotated[int, Field(ge=1, le=100), NO_TRUTH_VALUE] = Field(
        default=10,
        description="How often a call that fails in passing is tried in all; waits for the rate do not count.",
    )


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
        default=24, description="How many hours one run takes at most, of a backfill or to catch up."
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
        default=4, description="How many runs the sensor has going at a time to catch up."
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

    enabled: YesNo = Field(default=True, description="Whether there are daily summaries, as assets of each domain.")
