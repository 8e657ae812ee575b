"""The settings: what the file may hold, checked and filled in. A source adds its own section, and days of retention."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    create_model,
    field_validator,
    model_validator,
)

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.source import FeedSettings, Source
from mailevents_dagster.settings.alerting import AlertSettings
from mailevents_dagster.settings.database_address import DatabaseVariable
from mailevents_dagster.settings.fields import NOTED, Context, Days, FaultError, PastMoment, Strict, refuse
from mailevents_dagster.settings.log_names import check_length, check_log_file_name
from mailevents_dagster.settings.problems import enumeration
from mailevents_dagster.settings.reporting import ReportSettings
from mailevents_dagster.settings.sections import (
    DAYS,
    AutomationSettings,
    CollectSettings,
    OperatingLogSettings,
    RetentionSettings,
    SummarySettings,
)
from mailevents_dagster.settings.values import LOG_FILE_MODE, check_timezone, mode_of, storage_in

DEFAULT_LOG_FILE_NAME: Final = "{domain}_{type}_%Y-%m-%d_%H.log"

S = TypeVar("S", bound=BaseModel)


class Settings(Strict):
    """The settings of mailevents_dagster: mailevents.yaml, or the file that MAILEVENTS_CONFIG names."""

    timezone: Annotated[str, AfterValidator(check_timezone), NOTED] = Field(
        default="UTC",
        validate_default=True,
        description="IANA name; names the hours in partition keys and log files. Fixed once data are stored.",
        examples=["Europe/Istanbul"],
    )
    start: Annotated[PastMoment, NOTED] = Field(
        description="The first hour of every feed, in the time zone above.", examples=["2026-11-01T00:00"]
    )
    storage: str = Field(
        default="./data",
        validate_default=True,
        description="A folder, seen from the folder of this file, or a URL such as s3://bucket/prefix.",
    )
    postgres_variable: DatabaseVariable | None = Field(
        default=None,
        alias="postgres",
        description="The environment variable with the address of a PostgreSQL database, as ${NAME}: what machines "
        "share; null: one machine is all there is. See postgres.md.",
        examples=["${POSTGRES_URL}"],
    )
    log_file_name: Annotated[str, AfterValidator(check_log_file_name)] = Field(
        default=DEFAULT_LOG_FILE_NAME,
        description="Name of the log file of an hour: {domain}, {type}, and %Y, %m, %d, %H of the hour.",
    )
    log_file_mode: (
        Annotated[
            int,
            BeforeValidator(mode_of, json_schema_input_type=str),
            WithJsonSchema({"type": "string", "pattern": f"^({LOG_FILE_MODE})$"}),
        ]
        | None
    ) = Field(
        default=None,
        description="Mode of the log files of hours: who may read them and pass their folders; null: 0600.",
        examples=["0640"],
    )
    collect: CollectSettings = Field(
        default=CollectSettings(),
        description="What is collected of every feed, and when.",
        examples=[{"settle_minutes": 10}],
    )
    automation: AutomationSettings = Field(
        default=AutomationSettings(),
        description="What the sensor and the schedules do by themselves.",
        examples=[{"follow_minutes": 5}],
    )
    summaries: SummarySettings = Field(
        default=SummarySettings(), description="What is counted of each day.", examples=[{"enabled": False}]
    )
    operating_logs: OperatingLogSettings = Field(
        default=OperatingLogSettings(),
        validate_default=True,
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
    report: ReportSettings = Field(
        default=ReportSettings(),
        description="Who gets the daily report by mail; without it, nobody.",
        examples=[{"mail": {"to": ["ops@example.com"]}}],
    )
    _source: Path | None = None
    _sources: tuple[Source, ...] = ()
    _configured: tuple[FeedSettings, ...] = ()

    @field_validator("storage")
    @classmethod
    def _absolute(cls, text: str, info: ValidationInfo[Context]) -> str:
        return storage_in(info.context.folder, text)

    @field_validator("operating_logs")
    @classmethod
    def _names_differ(cls, logs: OperatingLogSettings, info: ValidationInfo[Context]) -> OperatingLogSettings:
        taken = {info.data.get("log_file_name"): "log_file_name"}  # they all lie in one folder
        for key, name in (("messages", logs.messages), ("errors", logs.errors)):
            if name in taken:
                refuse([(key, f"`{taken[name]}` has that name already; write another")])
            taken[name] = f"operating_logs.{key}"
        return logs

    @field_validator("retention")
    @classmethod
    def _keeps_what_is_listed_again(
        cls, retention: RetentionSettings, info: ValidationInfo[Context]
    ) -> RetentionSettings:
        """Days that end before automation looks at an hour for the last time would have it collected and destroyed."""
        if collect := info.data.get("collect"):
            # An hour more, since hours are whole.
            least = ((collect.lookback_hours + 1) * 60 + collect.settle_minutes) // (24 * 60) + 1
            why = "is too short: hours are listed again for collect.lookback_hours after they closed"
            short = {category: days for category, days in retention.days.items() if days < least}
            refuse(
                (f"{one}{DAYS}", f"{days} {why}; write {least} or more, or lower that") for one, days in short.items()
            )
        return retention

    def model_post_init(self, context: Context, /) -> None:
        self._source, self._sources = context.source, context.sources  # not its environment, which holds secrets
        self._configured = tuple(feed for source in context.sources for feed in source.configured(self))

    @model_validator(mode="after")
    def _has_a_feed(self) -> Self:
        if not self.feeds:
            owners = enumeration(source.owners for source in self._sources)
            raise FaultError(f"has no feed; write at least one of {owners}, as mailevents.example.yaml shows")
        return self

    @model_validator(mode="after")
    def _names_are_short_enough(self) -> Self:
        for feed in self.feeds:
            try:
                check_length(self.log_file_name, feed.domain, feed.kind.type)
            except ValueError as error:
                refuse([("log_file_name", str(error))])
        return self

    @property
    def source(self) -> Path | None:
        """The file that was read; None for the built-in demo."""
        return self._source

    @property
    def postgres(self) -> str | None:
        """The address of the database, as the environment has it now: a secret. That of SQLAlchemy names a driver."""
        if self.postgres_variable is None:
            return None
        return re.sub(r"^(postgres(ql)?)\+\w+:", r"\1:", os.environ[self.postgres_variable])

    @property
    def sources(self) -> tuple[Source, ...]:
        return self._sources

    @property
    def configured(self) -> tuple[FeedSettings, ...]:
        """All feeds as they are configured, source by source in the order of the file."""
        return self._configured

    @property
    def feeds(self) -> tuple[Feed, ...]:
        return tuple(one.feed for one in self._configured)

    @property
    def feeds_by_owner(self) -> Mapping[str, list[Feed]]:
        by_owner: dict[str, list[Feed]] = {}
        for feed in self.feeds:
            by_owner.setdefault(feed.domain, []).append(feed)
        return by_owner

    def section(self, model: type[S]) -> S:
        """Return the part of a source, typed."""
        if not isinstance(self, model):
            raise TypeError(f"these settings have no part that is {model.__name__}")
        return self


@cache
def settings_model(sources: tuple[Source, ...]) -> type[Settings]:
    """Return the settings with the sections of these sources, and days of retention for their categories."""
    categories = {kind.category: None for source in sources for kind in source.kinds.values()}
    described = "How many days events of {} are kept before they are destroyed; null: for ever."
    days: dict[str, Any] = {
        f"{category}{DAYS}": (Days | None, Field(default=None, description=described.format(category)))
        for category in categories
    }
    retention = create_model(
        "RetentionSettings",
        __doc__=RetentionSettings.__doc__,
        __base__=(RetentionSettings, create_model("Days", __base__=Strict, **days)),
    )
    general = Settings.model_fields["retention"]
    bases: Any = (*(source.section for source in reversed(sources)), Settings)
    made: type[Settings] = create_model(
        "Settings",
        __doc__=Settings.__doc__,
        __base__=bases,
        retention=(
            retention,
            Field(default=retention(), description=general.description, examples=general.examples),
        ),
    )
    return made
