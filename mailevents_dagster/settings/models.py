"""What a settings file may hold (SettingsFile), and what the program works with (Settings). No reading, no checks
between one key and another; those are in loading and checks. The sections are in modules of their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field, InstanceOf, PlainSerializer

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.settings.alerting import AlertSettings
from mailevents_dagster.settings.collecting import ApiSettings, AutomationSettings, CollectSettings, SummarySettings
from mailevents_dagster.settings.domain_names import ascii_domain
from mailevents_dagster.settings.keeping import OperatingLogSettings, RetentionSettings
from mailevents_dagster.settings.log_names import check_log_file_name, check_section
from mailevents_dagster.settings.strict import (
    BaseUrl,
    FeedName,
    KeyVariable,
    LogFileMode,
    Moment,
    Parallel,
    Rate,
    Strict,
)
from mailevents_dagster.settings.values import check_storage, check_timezone

DEFAULT_LOG_FILE_NAME: Final = "{domain}_{type}_%Y-%m-%d_%H.log"


class AccountEntry(Strict):
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


class SettingsFile(Strict):
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
    log_file_mode: LogFileMode | None = Field(
        default=None,
        description="Mode of the log files of hours: who may read them and pass their folders; null: 0600.",
        examples=["0640"],
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


class AccountSettings(Strict):
    """One account with everything filled in: no caller looks at the general settings again."""

    domain: str
    """In small letters and punycode."""
    api_key_variable: str | None
    """The environment variable that holds the key; None exactly where the account is on the simulator."""
    feeds: tuple[Annotated[InstanceOf[Feed], PlainSerializer(str)], ...]
    start: int
    """Unix seconds; the beginning of an hour, at or after the general start."""
    base_url: str
    """Without a slash at its end, or `simulator`."""
    requests_per_second: float | None
    max_parallel_details: int | None
    sections: Mapping[str, str]
    """Names of feeds in their heartbeat files, of those that have one of their own."""


class Settings(Strict):
    """Everything that was configured, checked and filled in."""

    timezone: str
    start: int
    """Unix seconds; the beginning of an hour."""
    storage: str
    """The absolute path of a folder, or a URL."""
    log_file_name: str
    log_file_mode: int | None
    """None where nobody is to be let in, and nobody shut out."""
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
