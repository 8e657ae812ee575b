"""Rules of suppression: what puts an address on the list of those that must not be mailed, and for how long."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from mailevents_dagster.settings.fields import NO_TRUTH_VALUE, Days, SecretVariable, Strict, YesNo

DEFAULT_VERSION: Final = "1"


class Counting(Strict):
    """When failures of one kind suppress an address."""

    on_days: Annotated[int, Field(ge=1, le=365), NO_TRUTH_VALUE] = Field(
        default=1, description="On how many different days it must happen. Several mails of one day count once."
    )
    within_days: Days = Field(default=1, description="Within how many days these must lie.")
    for_days: Days | None = Field(
        default=None, description="How long the address is suppressed; null: until it is removed."
    )
    reset_by_delivery: YesNo = Field(
        default=False, description="Whether a later delivery, open or click takes the address off the list again."
    )


class SuppressionRules(Strict):
    """What suppresses an address. A policy failure never does: a blocked sender is no bad address."""

    version: str = Field(
        default=DEFAULT_VERSION,
        min_length=1,
        max_length=40,
        description="Names these rules in the evidence they leave.",
    )
    hard: Counting = Field(
        default=Counting(reset_by_delivery=True),
        description="Hard bounces: there is no such address. One is enough, since each further one costs reputation.",
    )
    soft: Counting = Field(
        default=Counting(on_days=4, within_days=30, for_days=30, reset_by_delivery=True),
        description="Soft bounces, such as a full mailbox. A receiver's bad weekend makes three days of them for daily "
        "mail, a weekly newsletter has four issues in 30 days; after 30 days the address gets another chance.",
    )
    complaint: Counting = Field(default=Counting(), description="Complaints: someone has called a mail spam.")
    unsubscribed: Counting = Field(default=Counting(), description="Someone has unsubscribed.")
    give_up_days: Annotated[int, Field(ge=1, le=14), NO_TRUTH_VALUE] = Field(
        default=5,
        description="A mail of which nothing was heard for so long after a deferral counts as a soft bounce: RFC 5321 "
        "has servers try for four to five days.",
    )


class SuppressionSettings(SuppressionRules):
    """The rules, and the key of lists that leave the country."""

    hash_key_variable: SecretVariable | None = Field(
        default=None,
        alias="hash_key",
        description="`${NAME}` of the variable with the key by which `suppression export --hashed` hides addresses.",
    )
