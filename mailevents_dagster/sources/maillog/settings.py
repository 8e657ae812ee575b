"""The mail servers' part of the settings file: `mail_logs`, one a server, and `bounces`, what becomes of those."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, Self, cast

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from mailevents_dagster.model.feed import dagster_name
from mailevents_dagster.settings.fields import (
    Context,
    FaultError,
    FilePath,
    PastMoment,
    Secret,
    Strict,
    YesNo,
    in_folder,
    past_hour_start,
)
from mailevents_dagster.settings.values import TAKEN_OWNERS, check_timezone
from mailevents_dagster.sources.queues import SIMULATOR, QueueSettings

DEMO: Final = {
    "mail_logs": [
        {"name": "mx1.kuzey.example", "format": "postfix", "files": SIMULATOR},
        {"name": "mx1.deniz.example", "format": "exim", "files": SIMULATOR},
    ],
    "bounces": {
        "sqs": {
            "queue": "email_errors",
            "endpoint_url": SIMULATOR,
            "since": "2026-11-01T00:00",
            "only_with_pattern": False,
        }
    },
}
"""What the settings of a project that has no file say of mail servers."""

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,98}[a-z0-9])?")


def _check_name(name: str) -> str:
    name = name.lower()
    if not _NAME.fullmatch(name) or ".." in name or name in TAKEN_OWNERS:
        raise ValueError(
            "is not a name for a server; write its host name like mx1.example.com: letters, digits, dots and inner "
            "hyphens, 100 characters at most"
        )
    return name


def _simulated_or_in_folder(path: str, info: ValidationInfo[Context]) -> str:
    return path if path == SIMULATOR else in_folder(path, info)


def _since(value: object, info: ValidationInfo[Context]) -> int | None:
    return None if value == "now" else past_hour_start(value, info)


def _one_or_more(value: object) -> object:
    return [value] if isinstance(value, str) else value


Since = Annotated[int | None, PlainValidator(_since), WithJsonSchema({"type": "string"})]
"""An hour in Unix seconds; None is the moment of the first use."""
LogFiles = Annotated[str, Field(min_length=1), AfterValidator(_simulated_or_in_folder)]


class MailLog(Strict):
    """The log of one mail server, in files or in systemd's journal."""

    name: Annotated[str, AfterValidator(_check_name)] = Field(
        description="Names the feed; the host name in its events.", examples=["mx1.example.com"]
    )
    format: Literal["exim", "postfix"] = Field(description="Whose log it is.", examples=["exim"])
    files: LogFiles | None = Field(
        default=None,
        description="The growing file and what rotation leaves of it, packed or not, as a pattern; or `simulator` for "
        "a made-up log.",
        examples=["/var/log/exim4/mainlog*"],
    )
    journal: Annotated[tuple[str, ...], BeforeValidator(_one_or_more, json_schema_input_type=list[str])] = Field(
        default=(),
        description="Instead of files: units of systemd's journal.",
        examples=[["postfix.service", "postfix@-.service"]],
    )
    journal_directory: FilePath | None = Field(
        default=None,
        description="A folder of journal files, such as those of another machine; null: the journal of this machine.",
        examples=["/var/log/journal/remote"],
    )
    timezone: Annotated[str, AfterValidator(check_timezone)] | None = Field(
        default=None, description="Of stamps that name none; null: that of the settings.", examples=["Europe/Istanbul"]
    )
    start: PastMoment | None = Field(
        default=None,
        description="The first hour of this server, where it is later than the general one.",
        examples=["2026-11-01T00:00"],
    )

    @field_validator("name")
    @classmethod
    def _is_there_once(cls, name: str, info: ValidationInfo[Context]) -> str:
        taken = info.context.above.setdefault("names of mail logs", {})
        if dagster_name(name) in taken:
            raise FaultError(f"{name} and {taken[dagster_name(name)]} would be one asset; give one another name")
        taken[dagster_name(name)] = name
        return name

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if (self.files is None) == (not self.journal):
            raise FaultError("needs either `files` or `journal`, and not both")
        if self.journal_directory and not self.journal:
            raise FaultError("has `journal_directory` without `journal`; name the units that are read from it")
        return self


class SqsSettings(QueueSettings):
    """The queue that bounces are published to."""

    since: Since = Field(
        default=cast(None, "now"),
        validate_default=True,
        description="Bounces before it are not published: `now` is when this was first used, or an hour.",
        examples=["2026-11-01T00:00"],
    )
    only_with_pattern: YesNo = Field(
        default=True, description="Whether a bounce that matches none of the patterns is kept and not published."
    )
    addresses: Literal["plain", "hashed"] = Field(
        default="plain", description="Whether messages name addresses, or their keyed hashes (HMAC-SHA256)."
    )
    hash_key_variable: Secret | None = Field(
        default=None,
        alias="hash_key",
        description="The environment variable with the key of the hashes, as ${NAME}.",
        examples=["${MAILEVENTS_HASH_KEY}"],
    )
    late_minutes: Annotated[int, Field(ge=1, le=10_080)] = Field(
        default=30, description="How long a message may wait before the check `published` warns."
    )

    @model_validator(mode="after")
    def _has_a_key(self) -> Self:
        if self.addresses == "hashed" and self.hash_key_variable is None:
            raise FaultError("has `addresses: hashed` without `hash_key: ${NAME}`, the variable with the key")
        return self


class BounceSettings(Strict):
    """What becomes of the bounces of all mail servers."""

    patterns: FilePath | None = Field(
        default=None,
        description="A file of patterns: maillog_events' pattern.xml, or the same as YAML.",
        examples=["pattern.xml"],
    )
    sqs: SqsSettings | None = Field(
        default=None, description="The queue that they are published to; null: none.", examples=[{"queue": "bounces"}]
    )


class MailLogSettings(Strict):
    """The keys at the top of the file that are the mail servers'."""

    mail_logs: tuple[MailLog, ...] = Field(
        default=(),
        description="The logs of mail servers.",
        examples=[[{"name": "mx1.example.com", "format": "exim", "files": "/var/log/exim4/mainlog*"}]],
    )
    bounces: BounceSettings = Field(
        default=BounceSettings(),
        description="What becomes of the bounces in these logs.",
        examples=[{"patterns": "pattern.xml"}],
    )
