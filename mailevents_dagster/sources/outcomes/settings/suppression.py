"""Rules of suppression: what puts an address on the list of those that must not be mailed, and for how long."""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import Field, ValidationInfo, model_validator

from mailevents_dagster.settings.fields import (
    NO_TRUTH_VALUE,
    Context,
    Days,
    FaultError,
    SecretVariable,
    Strict,
    YesNo,
    secret_in,
)
from mailevents_dagster.sources.outcomes.settings.push import PushSettings

DEFAULT_VERSION: Final = "1"


DayCount = Annotated[int, Field(ge=1, le=365), NO_TRUTH_VALUE]

_ON_DAYS: Final = "On how many different days it must happen. Several mails of one day count once."
_WITHIN_DAYS: Final = "Within how many days these must lie."
_FOR_DAYS: Final = "How long the address is suppressed; null: until it is removed."
_RESET: Final = "Whether a later delivery, open or click takes the address off the list again."


class Counting(Strict):
    """When what happens to mails of an address suppresses it."""

    on_days: DayCount = Field(default=1, description=_ON_DAYS)
    within_days: DayCount = Field(default=1, description=_WITHIN_DAYS, examples=[30])
    for_days: Days | None = Field(default=None, description=_FOR_DAYS, examples=[30])
    reset_by_delivery: YesNo = Field(default=False, description=_RESET)

    @model_validator(mode="after")
    def _can_happen(self) -> Self:
        if self.on_days > self.within_days:
            raise FaultError(
                f"on_days: {self.on_days} days do not fit within_days: {self.within_days}; raise the latter"
            )
        return self


class HardBounces(Counting):
    """There is no such address. One is enough, since each further one costs reputation."""

    reset_by_delivery: YesNo = Field(default=True, description=_RESET)


class SoftBounces(Counting):
    """A full mailbox, say. A receiver's bad weekend makes three days of them; a weekly letter has four in 30 days."""

    on_days: DayCount = Field(default=4, description=_ON_DAYS)
    within_days: DayCount = Field(default=30, description=_WITHIN_DAYS)
    for_days: Days | None = Field(default=30, description=_FOR_DAYS)
    reset_by_delivery: YesNo = Field(default=True, description=_RESET)


class SuppressionRules(Strict):
    """What suppresses an address. A policy failure never does: a blocked sender is no bad address."""

    version: str = Field(
        default=DEFAULT_VERSION,
        min_length=1,
        max_length=40,
        description="Names these rules in the evidence they leave.",
    )
    hard: HardBounces = Field(default=HardBounces(), description="Hard bounces.")
    soft: SoftBounces = Field(default=SoftBounces(), description="Soft bounces.")
    complaint: Counting = Field(default=Counting(), description="Complaints: someone has called a mail spam.")
    unsubscribed: Counting = Field(default=Counting(), description="Someone has unsubscribed.")
    give_up_days: Annotated[int, Field(ge=1, le=14), NO_TRUTH_VALUE] = Field(
        default=5,
        description="A mail of which nothing was heard for so long after a deferral counts as a soft bounce: RFC 5321 "
        "has servers try for four to five days.",
    )


class SuppressionSettings(SuppressionRules):
    """The rules, and who is told of the list."""

    hash_key_variable: SecretVariable | None = Field(
        default=None,
        alias="hash_key",
        description="`${NAME}` of the variable with the key by which `suppression export --hashed` hides addresses, "
        "and so does `push` with `addresses: hashed`.",
    )
    push: PushSettings | None = Field(
        default=None,
        description="Other systems that are told of each address that comes onto the list or leaves it; null: none.",
        examples=[{"sqs": {"queue": "suppressions"}}],
    )

    @model_validator(mode="after")
    def _has_a_key(self, info: ValidationInfo[Context]) -> Self:
        if self.push and self.push.addresses == "hashed":
            if self.hash_key_variable is None:
                raise FaultError("has `addresses: hashed` without `hash_key: ${NAME}`, the variable with the key")
            secret_in(self.hash_key_variable, info.context.environ)
        return self
