"""Where reports of a domain's mail arrive, and who is asked for rates of complaints."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field, ValidationInfo

from mailevents_dagster.settings.fields import (
    NO_TRUTH_VALUE,
    Context,
    Days,
    FaultError,
    FilePath,
    MailAddress,
    SecretVariable,
    Strict,
)
from mailevents_dagster.settings.values import web_address

GOOGLE: Final = "https://gmailpostmastertools.googleapis.com"
MICROSOFT: Final = "https://sendersupport.olc.protection.outlook.com/snds"


def _address(text: str) -> str:
    url = web_address(text, f"write it like {GOOGLE}")
    if url.query or url.fragment:
        raise ValueError(f"holds a query or a fragment; write it like {GOOGLE}")
    return text.rstrip("/")


def _is_set(variable: str, info: ValidationInfo[Context]) -> str:
    if not info.context.environ.get(variable, "").strip():
        raise FaultError(f"the environment variable {variable} is not set or empty; put the key into it")
    return variable


Address = Annotated[str, AfterValidator(_address)]


class GoogleSettings(Strict):
    """Postmaster Tools of Gmail: rates of complaints, which name nobody."""

    service_account: FilePath = Field(
        description="The key of a service account, as Google Cloud gives it: a JSON file. Add the account's address in "
        "Postmaster Tools to those who may see the domain.",
        examples=["/etc/mailevents/postmaster.json"],
    )
    base_url: Address = Field(default=GOOGLE, description="Where its API is.")


class MicrosoftSettings(Strict):
    """SNDS of Outlook.com: what it thinks of your sending addresses."""

    key_variable: Annotated[SecretVariable, AfterValidator(_is_set)] = Field(
        alias="key",
        description="The environment variable with the key of SNDS's automated access, as ${NAME}.",
        examples=["${SNDS_KEY}"],
    )
    base_url: Address = Field(default=MICROSOFT, description="Where it is.")


class ReportsSettings(Strict):
    """Where reports of DMARC, TLS and complaints arrive, and when somebody is told."""

    mailboxes: tuple[MailAddress, ...] | None = Field(
        default=None,
        description="The entries of mailboxes, by their addresses, that reports come to; null: those of bounces_to.",
        examples=[["dmarc@example.com"]],
    )
    folders: tuple[FilePath, ...] = Field(
        default=(),
        description="Folders that reports are put into as files, and folders in them.",
        examples=[["/var/lib/dmarc"]],
    )
    expected_within_days: Days = Field(
        default=3, description="A check fails when no DMARC report has arrived for so many days."
    )
    pass_rate_drop: Annotated[float, Field(ge=0.1, le=100), NO_TRUTH_VALUE] = Field(
        default=5.0,
        description="A check fails when the share of mails that pass DMARC is so many percent points below that of "
        "the two weeks before.",
    )
    new_source_mails: Annotated[int, Field(ge=1), NO_TRUTH_VALUE] = Field(
        default=1, description="The fewest mails of a new source that pass DMARC of which a check tells."
    )
    google: GoogleSettings | None = Field(default=None, description="Gmail's Postmaster Tools; null: not asked.")
    microsoft: MicrosoftSettings | None = Field(default=None, description="Microsoft's SNDS; null: not asked.")
