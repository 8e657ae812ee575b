"""The section that says who gets the daily report, and when."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from mailevents_dagster.settings.fields import Strict
from mailevents_dagster.settings.mails import MailSettings
from mailevents_dagster.settings.values import check_time_of_day, web_address


class ReportMailSettings(MailSettings):
    """The mail server that takes the daily report, who gets it, and when."""

    at: Annotated[str, AfterValidator(check_time_of_day)] = Field(
        default="07:00",
        description="When the report of the day before is sent, in the time zone above; once that day is complete, and "
        "6 hours later in any case.",
    )
    language: Literal["en", "tr"] = Field(default="en", description="en or tr: English or Turkish.")
    unsubscribe: str | None = Field(
        default=None,
        description="A page of yours that takes the POST of RFC 8058 where several people get the report; null: people "
        "leave by a mail to `from`.",
        examples=["https://example.com/leave"],
    )

    @field_validator("unsubscribe")
    @classmethod
    def _is_a_page(cls, address: str | None) -> str | None:
        if address is not None:
            web_address(address, "write for example https://example.com/leave")
        return address


class ReportSettings(Strict):
    """Who gets the daily report."""

    mail: ReportMailSettings = Field(
        default=ReportMailSettings(),
        description="The report by mail; without `to`, nobody gets it.",
        examples=[{"to": ["ops@example.com"], "from": "mailevents@example.com", "smtp_host": "smtp.example.com"}],
    )
