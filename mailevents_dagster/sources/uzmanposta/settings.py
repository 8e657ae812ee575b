"""Uzman Posta's part of the settings file: `api`, how it is asked, and `accounts`, one a domain."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Annotated, Any, Final, cast

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from mailevents_dagster.model.feed import dagster_name
from mailevents_dagster.settings.domain_names import ascii_domain
from mailevents_dagster.settings.fields import (
    NO_TRUTH_VALUE,
    NOTED,
    Context,
    FaultError,
    PastMoment,
    SecretVariable,
    Strict,
)
from mailevents_dagster.settings.log_names import check_section
from mailevents_dagster.settings.problems import enumeration
from mailevents_dagster.settings.values import web_address
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS
from mailevents_dagster.sources.uzmanposta.keys import key_fault

SIMULATOR: Final = "simulator"
DEFAULT_BASE_URL: Final = "https://yenipanel-api.uzmanposta.com/api/v2"
DEMO: Final = {
    "timezone": "Europe/Istanbul",
    "start": "2026-11-01T00:00",
    "storage": "data",
    "api": {"base_url": SIMULATOR, "requests_per_second": 500},
    "accounts": [{"domain": domain, "feeds": list(FEED_KINDS)} for domain in ("kuzey.example", "deniz.example")],
}
"""Settings of a project that has no file."""

_LIKE_IN_API: Final = ("base_url", "requests_per_second", "max_parallel_details")


def check_base_url(text: str) -> str:
    """Return `simulator`, or an https address without a slash at its end."""
    if text == SIMULATOR:
        return text
    mend = f"write it like {DEFAULT_BASE_URL}, or `{SIMULATOR}`"
    web_address(text, mend)
    if re.search(r"[?#]", text):
        raise ValueError("holds a query (?) or a fragment (#); take it out: only the address of the API stands here")
    if re.search(r'[\\<>"{}|^`]', text):
        raise ValueError(f"has characters that no address has; {mend}")
    return text.rstrip("/")


def _check_feed(name: str) -> str:
    if name in FEED_KINDS:
        return name
    close = get_close_matches(name, FEED_KINDS, n=1)
    mend = f"did you mean `{close[0]}`? The" if close else "the"
    raise ValueError(f"is not a feed; {mend} feeds are {enumeration(FEED_KINDS)}")


def _check_each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise FaultError(f"has {enumeration(twice)} more than once; keep one of them")
    return names


BaseUrl = Annotated[str, AfterValidator(check_base_url)]
Rate = Annotated[float, Field(ge=0.01, le=1000, allow_inf_nan=False), NO_TRUTH_VALUE]
Parallel = Annotated[int, Field(ge=1, le=64), NO_TRUTH_VALUE]
FeedName = Annotated[str, AfterValidator(_check_feed), Field(json_schema_extra={"enum": list(FEED_KINDS)})]


class ApiSettings(Strict):
    """How the API is asked. The first three can be set for one account, too."""

    model_config = ConfigDict(revalidate_instances="always")  # so that defaults are noted, too

    base_url: Annotated[BaseUrl, NOTED] = Field(
        default=DEFAULT_BASE_URL,
        validate_default=True,
        description="Address of the API (https, or http on this machine alone), or `simulator` for a made-up one.",
    )
    requests_per_second: Annotated[Rate | None, NOTED] = Field(
        default=10.0,
        validate_default=True,
        description="Requests a second of one key, shared by every process and all accounts that have it, of which the "
        "lowest counts; null: no limit but the API's own.",
    )
    max_parallel_details: Annotated[Parallel | None, NOTED] = Field(
        default=None,
        validate_default=True,
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


class Account(Strict):
    """One domain, the variable that holds its key, and what is collected of it."""

    domain: Annotated[str, AfterValidator(ascii_domain)] = Field(
        description="The domain, also with letters such as ü or ş.", examples=["example.com"]
    )
    base_url: Annotated[BaseUrl, WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "null"}]})] = Field(
        default=cast(str, None),  # where that of api is wrong, which no loaded settings have
        description="As in api, for this account.",
        examples=["simulator"],
    )
    api_key_variable: SecretVariable | None = Field(
        default=None,
        alias="api_key",
        validate_default=True,
        description="The environment variable with the API key, as ${NAME}; the simulator needs none.",
        examples=["${UZMANPOSTA_KEY_EXAMPLE_COM}"],
    )
    feeds: Annotated[tuple[FeedName, ...], Field(min_length=1), AfterValidator(_check_each_once)] = Field(
        description="What is collected of the domain.", examples=[["mail/incominglog", "mail/outgoinglog"]]
    )
    start: PastMoment | None = Field(
        default=None,
        description="The first hour of this account, where it is later than the general one.",
        examples=["2026-11-01T00:00"],
    )
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

    @model_validator(mode="before")
    @classmethod
    def _as_in_api(cls, written: Any, info: ValidationInfo[Context]) -> Any:
        """Fill in what is the same for all accounts; null leaves out any key but the rate, where it means none."""
        if not isinstance(written, dict):
            return written
        general = {key: info.context.above[key] for key in _LIKE_IN_API if key in info.context.above}
        own = {key: value for key, value in written.items() if value is not None or key == "requests_per_second"}
        return {"api_key": None, **general, **own}

    @field_validator("domain")
    @classmethod
    def _is_there_once(cls, domain: str, info: ValidationInfo[Context]) -> str:
        name, taken = dagster_name(domain), info.context.above.setdefault("names in Dagster", {})
        if domain in taken.values():
            raise ValueError("is the domain of another account, too; put all its feeds there and take this one out")
        if name in taken:
            raise FaultError(
                f"{domain} and {taken[name]} are both named {name} in Dagster; move one of them to another settings "
                f"file and project"
            )
        taken[name] = domain
        return domain

    @field_validator("api_key_variable")
    @classmethod
    def _holds_a_key(cls, variable: str | None, info: ValidationInfo[Context]) -> str | None:
        base_url = info.data.get("base_url")
        if base_url == SIMULATOR:
            return None
        if base_url is None:  # which is a problem of its own
            return variable
        if variable is None:
            wanted = "UZMANPOSTA_KEY_" + dagster_name(info.data.get("domain", "example.com")).upper()
            raise FaultError(f"is missing; put the key into the variable {wanted} and write `api_key: ${{{wanted}}}`")
        if fault := key_fault(variable, info.context.environ):
            raise FaultError(fault)
        return variable

    @field_validator("start")
    @classmethod
    def _is_not_before_all(cls, start: int | None, info: ValidationInfo[Context]) -> int | None:
        if start is not None and start < info.context.above.get("start", start):
            raise ValueError("lies before the general `start`; move the general start back, or leave this one out")
        return start


class UzmanPostaSettings(Strict):
    """The keys at the top of the file that are Uzman Posta's."""

    api: ApiSettings = Field(
        default=ApiSettings(),
        validate_default=True,
        description="How the API of every account is asked.",
        examples=[{"requests_per_second": 10}],
    )
    accounts: tuple[Account, ...] = Field(
        default=(),
        description="The domains and what is collected of each.",
        examples=[[{"domain": "example.com", "feeds": ["mail/incominglog"]}]],
    )
