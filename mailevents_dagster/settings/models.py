"""What a settings file may hold (SettingsFile), and what the program works with (Settings). No reading, no checks
between one key and another; those are in loading and checks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from mailevents_dagster.feeds import FEED_KINDS, Feed
from mailevents_dagster.settings.domain_names import ascii_domain
from mailevents_dagster.settings.log_names import check_log_file_name, check_operating_log_name, check_section
from mailevents_dagster.settings.values import (
    check_base_url,
    check_feed,
    check_feed_pattern,
    check_host,
    check_mail_address,
    check_moment,
    check_reason,
    check_storage,
    check_time_of_day,
    check_timezone,
)
from mailevents_dagster.settings.variables import VARIABLE_PATTERN, secret_variable_of, variable_of

DEFAULT_BASE_URL: Final = "https://yenipanel-api.uzmanposta.com/api/v2"
DEFAULT_LOG_FILE_NAME: Final = "{domain}_{type}_%Y-%m-%d_%H.log"


def _no_truth_value(value: object) -> object:
    # Pydantic takes true for 1 and "yes" for true; a file that says so is a mistake.
    if isinstance(value, bool):
        raise PydanticCustomError("number_type", "not a number")
    return value


def _truth_value(value: object) -> object:
    words = {"true": True, "false": False}
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    if not isinstance(value, bool):
        raise PydanticCustomError("truth_type", "not true or false")
    return value


NO_TRUTH_VALUE: Final = BeforeValidator(_no_truth_value)
"""Stands last in an annotation: bounds written after it would miss the JSON Schema."""
YesNo = Annotated[bool, BeforeValidator(_truth_value)]
BaseUrl = Annotated[str, AfterValidator(check_base_url)]
Moment = Annotated[str, AfterValidator(check_moment)]
FeedName = Annotated[str, AfterValidator(check_feed), Field(json_schema_extra={"enum": list(FEED_KINDS)})]
OperatingLogName = Annotated[str, AfterValidator(check_operating_log_name)]
FilesKept = Annotated[int, Field(ge=1, le=10_000), NO_TRUTH_VALUE]
KeyVariable = Annotated[str, AfterValidator(variable_of), Field(json_schema_extra={"pattern": VARIABLE_PATTERN})]
SecretVariable = Annotated[
    str, AfterValidator(secret_variable_of), Field(json_schema_extra={"pattern": VARIABLE_PATTERN})
]
MailAddress = Annotated[str, AfterValidator(check_mail_address)]
Rate = Annotated[float, Field(ge=0.01, le=1000, allow_inf_nan=False), NO_TRUTH_VALUE]
Parallel = Annotated[int, Field(ge=1, le=64), NO_TRUTH_VALUE]
Days = Annotated[int, Field(ge=1, le=3660), NO_TRUTH_VALUE]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ApiSettings(_Strict):
    """How the API is asked. The first three can be set for one account, too."""

    base_url: BaseUrl = Field(
        default=DEFAULT_BASE_URL,
        description="Address of the API (https, or http on this machine alone), or `simulator` for a made-up one.",
    )
    requests_per_second: Rate | None = Field(
        default=10.0,
        description="Requests a second of one account, shared by every process; null: no limit but the API's own.",
    )
    max_parallel_details: Parallel = Field(
        default=8, description="How many details of one account are asked for at a time."
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


class CollectSettings(_Strict):
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


class AutomationSettings(_Strict):
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


class SummarySettings(_Strict):
    """What is counted of each day, beside collecting it."""

    enabled: YesNo = Field(default=True, description="Whether there are daily summaries, as assets of each domain.")


class OperatingLogSettings(_Strict):
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


class LegalHold(_Strict):
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


class RetentionSettings(_Strict):
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


class AlertMailSettings(_Strict):
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


class AlertSettings(_Strict):
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


class AccountEntry(_Strict):
    """One domain, the variable that holds its key, and what is collected of it."""

    domain: Annotated[str, AfterValidator(ascii_domain)] = Field(
        description="The domain, also with letters such as ü or ş.", examples=["example.com"]
    )
    api_key: KeyVariable | None = Field(
        default=None,
        description="The environment variable with the API key, as ${NAME}; the simulator needs none.",
        examples=["${UZMANPOSTA_KEY_EXAMPLE_COM}"],
    )
    feeds: Annotated[tuple[FeedName, ...], Field(min_length=1)] = Field(
        description="What is collected of the domain.", examples=[["mail/incominglog", "mail/outgoinglog"]]
    )
    start: Moment | None = Field(
        default=None,
        description="The first hour of this account, where it is later than the general one.",
        examples=["2026-11-01T00:00"],
    )
    base_url: BaseUrl | None = Field(default=None, description="As in api, for this account.", examples=["simulator"])
    requests_per_second: Rate | None = Field(
        default=None, description="As in api, for this account; null: no limit but the API's own.", examples=[10]
    )
    max_parallel_details: Parallel | None = Field(
        default=None, description="As in api, for this account.", examples=[8]
    )
    sections: dict[FeedName, Annotated[str, AfterValidator(check_section)]] = Field(
        default_factory=dict,
        description="Names of feeds in their heartbeat files, where those are not domain and feed.",
        examples=[{"mail/incominglog": "example-incoming"}],
    )


class SettingsFile(_Strict):
    """The settings of mailevents_dagster: mailevents.yaml, or the file that MAILEVENTS_CONFIG names."""

    timezone: Annotated[str, AfterValidator(check_timezone)] = Field(
        default="UTC",
        description="IANA name; names the hours in partition keys and log files. Fixed once data are stored.",
        examples=["Europe/Istanbul"],
    )
    start: Moment = Field(
        description="The first hour of every feed, in the time zone above.", examples=["2026-11-01T00:00"]
    )
    storage: Annotated[str, AfterValidator(check_storage)] = Field(
        default="./data",
        description="A folder, seen from the folder of this file, or a URL such as s3://bucket/prefix.",
    )
    log_file_name: Annotated[str, AfterValidator(check_log_file_name)] = Field(
        default=DEFAULT_LOG_FILE_NAME,
        description="Name of the log file of an hour: {domain}, {type}, and %Y, %m, %d, %H of the hour.",
    )
    api: ApiSettings = Field(
        default=ApiSettings(),
        description="How the API of every account is asked.",
        examples=[{"requests_per_second": 10}],
    )
    collect: CollectSettings = Field(
        default=CollectSettings(),
        description="What is collected of every account, and when.",
        examples=[{"settle_minutes": 10}],
    )
    automation: AutomationSettings = Field(
        default=AutomationSettings(),
        description="What the sensor and the schedules do by themselves.",
        examples=[{"follow_minutes": 5}],
    )
    summaries: SummarySettings = Field(
        default=SummarySettings(),
        description="What is counted of each day.",
        examples=[{"enabled": False}],
    )
    operating_logs: OperatingLogSettings = Field(
        default=OperatingLogSettings(),
        description="The collector's own logs, beside the log files of each feed.",
        examples=[{"messages_kept": 24}],
    )
    retention: RetentionSettings = Field(
        default=RetentionSettings(),
        description="How long stored events are kept; without it, for ever.",
        examples=[{"mail_days": 90}],
    )
    alerts: AlertSettings = Field(
        default=AlertSettings(),
        description="Who is told when feeds, runs or checks fail; without it, nobody.",
        examples=[{"webhook": "${MAILEVENTS_WEBHOOK}"}],
    )
    accounts: Annotated[tuple[AccountEntry, ...], Field(min_length=1)] = Field(
        description="The domains and what is collected of each.",
        examples=[[{"domain": "example.com", "feeds": ["mail/incominglog"]}]],
    )


class AccountSettings(_Strict):
    """One account with everything filled in: no caller looks at the general settings again."""

    domain: str
    """In small letters and punycode."""
    api_key_variable: str | None
    """The environment variable that holds the key; None exactly where the account is on the simulator."""
    feeds: tuple[Feed, ...]
    start: int
    """Unix seconds; the beginning of an hour, at or after the general start."""
    base_url: str
    """Without a slash at its end, or `simulator`."""
    requests_per_second: float | None
    max_parallel_details: int
    sections: Mapping[str, str]
    """Names of feeds in their heartbeat files, of those that have one of their own."""


class Settings(_Strict):
    """Everything that was configured, checked and filled in."""

    timezone: str
    start: int
    """Unix seconds; the beginning of an hour."""
    storage: str
    """The absolute path of a folder, or a URL."""
    log_file_name: str
    api: ApiSettings
    collect: CollectSettings
    automation: AutomationSettings
    summaries: SummarySettings
    operating_logs: OperatingLogSettings
    retention: RetentionSettings
    alerts: AlertSettings
    accounts: tuple[AccountSettings, ...]
    source: Path | None
    """The file that was read; None for the built-in demo."""

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """The feeds of all accounts, in the order of the file."""
        return tuple(feed for account in self.accounts for feed in account.feeds)
