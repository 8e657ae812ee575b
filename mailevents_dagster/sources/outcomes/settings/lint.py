"""Which mails of a domain are judged by the rules on messages."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mailevents_dagster.settings.fields import NO_TRUTH_VALUE, MailAddress, Strict, YesNo


class LintSettings(Strict):
    """A sample of the mails that the domain sent, judged each day by the rules of `mailevents lint`."""

    mailboxes: tuple[MailAddress, ...] | None = Field(
        default=None,
        description="The entries of mailboxes, by their addresses, whose mails from the domain are judged; null: those "
        "of the domain.",
        examples=[["news@example.com"]],
    )
    sample: Annotated[int, Field(ge=1, le=10_000), NO_TRUTH_VALUE] = Field(
        default=100, description="How many mails of a day are judged; which they are is up to their digests."
    )
    bulk: YesNo = Field(default=False, description="Whether all of them are judged as bulk mail.")
    dns: YesNo = Field(
        default=True, description="Whether name servers are asked for the keys of signatures, in days of the last week."
    )
    tolerated_percent: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False), NO_TRUTH_VALUE] = Field(
        default=5.0,
        description="How many percent of the sample may fail a rule of weight error before its check fails.",
    )
