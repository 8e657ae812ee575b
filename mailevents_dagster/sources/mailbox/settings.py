"""The mailboxes' part of the settings file: how each is reached, and where its mails are delivered."""

from __future__ import annotations

import re
from math import ceil
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    Field,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from mailevents_dagster.model.feed import dagster_name
from mailevents_dagster.settings.fields import (
    NO_TRUTH_VALUE,
    Context,
    FaultError,
    FilePath,
    MailAddress,
    PastMoment,
    Secret,
    Strict,
    YesNo,
    refuse,
)
from mailevents_dagster.settings.problems import enumeration
from mailevents_dagster.settings.values import check_host, check_timezone, moment_of, web_address

SIMULATOR: Final = "simulator"
BASE_URL: Final = "https://graph.microsoft.com/v1.0"
AUTHORITY: Final = "https://login.microsoftonline.com"
DEMO: Final[dict[str, Any]] = {
    "mailboxes": [
        {
            "address": "fon@kuzey.example",
            "tenant_id": SIMULATOR,
            "deliver": {"sftp": {"host": SIMULATOR, "user": SIMULATOR}},
        }
    ],
}
"""What the settings of a project that has no file say of mailboxes."""

_TENANT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,253}")
_CLIENT: Final = re.compile(r"[A-Za-z0-9-]{1,64}")


def _check_address(text: str, mend: str) -> str:
    url = web_address(text, mend)
    if url.query or url.fragment:
        raise ValueError(f"holds a query or a fragment; {mend}")
    return text.rstrip("/")


def _check_base_url(text: str) -> str:
    return _check_address(text, f"write it like {BASE_URL}")


def _check_authority(text: str) -> str:
    return _check_address(text, f"write it like {AUTHORITY}: the tenant comes behind it")


def _check_tenant(text: str) -> str:
    if not _TENANT.fullmatch(text):
        raise ValueError("is not a tenant; write its id or one of its domains, as the Azure portal shows it")
    return text


def _check_client(text: str) -> str:
    if not _CLIENT.fullmatch(text):
        raise ValueError("is not an application; write its client id, as the Azure portal shows it")
    return text


def _second(value: object, info: ValidationInfo[Context]) -> int:
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "not text")
    moment = moment_of(value)
    zone = ZoneInfo(info.context.above.get("timezone") or "UTC")
    return ceil((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp())


Second = Annotated[int, PlainValidator(_second), WithJsonSchema({"type": "string"})]
"""A date and time, kept as Unix time."""
Port = Annotated[int, Field(ge=1, le=65_535), NO_TRUTH_VALUE]
Host = Annotated[str, AfterValidator(check_host)]


class SftpSettings(Strict):
    """The server that takes the databases."""

    host: Host = Field(
        description="Its name, or `simulator` for a made-up server of each run.", examples=["files.example.com"]
    )
    port: Port = Field(default=22, description="Its port.")
    user: Annotated[str, Field(min_length=1, max_length=256)] = Field(description="Who signs in.", examples=["fund"])
    password_variable: Secret | None = Field(
        default=None,
        alias="password",
        description="The environment variable with the password, as ${NAME}; or key.",
        examples=["${SFTP_PASSWORD}"],
    )
    key: FilePath | None = Field(
        default=None, description="A file with the private key, instead of a password.", examples=["~/.ssh/id_ed25519"]
    )
    known_hosts: FilePath = Field(
        default="~/.ssh/known_hosts",
        validate_default=True,
        description="The file with the server's key: an unknown or changed one stops the delivery.",
    )
    folder: Annotated[str, Field(min_length=1)] = Field(
        default="/", description="The folder on the server.", examples=["/in"]
    )

    @model_validator(mode="after")
    def _signs_in_one_way(self) -> Self:
        if self.host != SIMULATOR and (self.password_variable is None) == (self.key is None):
            raise FaultError("needs either `password: ${NAME}` or `key`, and not both")
        return self


class DeliverSettings(Strict):
    """How the mails of a mailbox reach another system: as databases, over SFTP."""

    every_minutes: Annotated[int, Field(ge=1, le=1440), NO_TRUTH_VALUE] = Field(
        default=5, description="How often what is new becomes a database."
    )
    timezone: Annotated[str, AfterValidator(check_timezone)] = Field(
        default="Asia/Seoul", description="Of the column kst_time."
    )
    columns: Literal["original", "extended"] = Field(
        default="original", description="Which columns the tables have; extended: those of later versions, too."
    )
    since: Second | None = Field(
        default=None,
        description="Mails from before it were delivered by another program, in the time zone of the settings; null: "
        "all from the first hour on are delivered.",
        examples=["2026-11-01T00:00:00"],
    )
    sftp: SftpSettings = Field(
        description="The server that they go to.",
        examples=[{"host": "files.example.com", "user": "fund", "password": "${SFTP_PASSWORD}", "folder": "/in"}],
    )


class Mailbox(Strict):
    """One mailbox and how it is reached."""

    address: MailAddress = Field(description="Its address, which names the feed.", examples=["fund@example.com"])
    protocol: Literal["graph", "imap"] = Field(default="graph", description="How it is asked.")
    tenant_id: Annotated[str, AfterValidator(_check_tenant)] | None = Field(
        default=None,
        description="The tenant of Microsoft 365, or `simulator` for a made-up mailbox.",
        examples=["${TENANT_ID}"],
    )
    client_id: Annotated[str, AfterValidator(_check_client)] | None = Field(
        default=None, description="The application that may read it.", examples=["${CLIENT_ID}"]
    )
    client_secret_variable: Secret | None = Field(
        default=None,
        alias="client_secret",
        description="The environment variable with the application's secret, as ${NAME}; or certificate.",
        examples=["${CLIENT_SECRET}"],
    )
    certificate: FilePath | None = Field(
        default=None,
        description="A PEM file with the application's private key and certificate, instead of a secret.",
        examples=["graph.pem"],
    )
    base_url: Annotated[str, AfterValidator(_check_base_url)] = Field(
        default=BASE_URL, description="The address of Microsoft Graph."
    )
    authority: Annotated[str, AfterValidator(_check_authority)] = Field(
        default=AUTHORITY, description="Who gives tokens; the tenant comes behind it."
    )
    ca_bundle: FilePath | None = Field(
        default=None,
        description="A file with certificates, for gateways with an authority of their own; null: those of requests.",
        examples=["/etc/ssl/gateway.pem"],
    )
    host: Host | None = Field(default=None, description="Of imap: the server.", examples=["imap.example.com"])
    port: Port = Field(default=993, description="Of imap: its port.")
    password_variable: Secret | None = Field(
        default=None,
        alias="password",
        description="Of imap: the environment variable with the password, as ${NAME}; or an application, for XOAUTH2.",
        examples=["${IMAP_PASSWORD}"],
    )
    bodies: YesNo = Field(default=True, description="Whether events hold the text and HTML of mails.")
    start: PastMoment | None = Field(
        default=None,
        description="The first hour of this mailbox, where it is later than the general one.",
        examples=["2026-11-01T00:00"],
    )
    deliver: DeliverSettings | None = Field(
        default=None,
        description="How its mails reach another system; null: not at all.",
        examples=[{"sftp": {"host": "files.example.com", "user": "fund", "password": "${SFTP_PASSWORD}"}}],
    )

    @field_validator("address")
    @classmethod
    def _is_there_once(cls, address: str, info: ValidationInfo[Context]) -> str:
        address = address.lower()
        taken = info.context.above.setdefault("names of mailboxes", {})
        if dagster_name(address) in taken:
            raise FaultError(f"{address} and {taken[dagster_name(address)]} would be one group; take one of them out")
        taken[dagster_name(address)] = address
        return address

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.tenant_id != SIMULATOR:
            self._check_graph() if self.protocol == "graph" else self._check_imap()
        elif self.protocol == "imap":
            raise FaultError("has `tenant_id: simulator`, which is a mailbox of graph; take `protocol: imap` out")
        return self

    def _check_graph(self) -> None:
        lacking = [key for key in ("tenant_id", "client_id") if getattr(self, key) is None]
        if lacking:
            raise FaultError(f"needs {enumeration(lacking)}; or write `tenant_id: {SIMULATOR}`")
        self._check_secret()
        if self.host or self.password_variable:
            raise FaultError("has keys of imap; write `protocol: imap`, or take `host` and `password` out")

    def _check_imap(self) -> None:
        if self.host is None:
            refuse([("host", "is missing; write the name of the IMAP server")])
        if self.password_variable is None:
            if self.tenant_id is None or self.client_id is None:
                raise FaultError("needs `password: ${NAME}`, or tenant_id, client_id and client_secret for XOAUTH2")
            self._check_secret()
        elif self.client_secret_variable or self.certificate:
            raise FaultError("has a password and an application; take one of them out")

    def _check_secret(self) -> None:
        if (self.client_secret_variable is None) == (self.certificate is None):
            raise FaultError("needs either `client_secret: ${NAME}` or `certificate`, and not both")


class MailboxSettings(Strict):
    """The key at the top of the file that is the mailboxes'."""

    mailboxes: tuple[Mailbox, ...] = Field(
        default=(),
        description="Mailboxes of Microsoft 365, and others by IMAP.",
        examples=[[{"address": "fund@example.com", "tenant_id": SIMULATOR}]],
    )
