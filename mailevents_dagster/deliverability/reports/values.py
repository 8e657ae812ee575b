"""What is in a report. Names are those of the specifications, in small letters with underscores."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypedDict

from mailevents_dagster.deliverability.reports.records import Records

Fields = dict[str, Any]
"""Values as JSON has them: text, numbers, lists and objects."""

AGGREGATE: Final = "dmarc-aggregate"
FAILURE: Final = "dmarc-failure"
TLS: Final = "tls"
COMPLAINT: Final = "complaint"
BROKEN: Final = "broken"

_WORD: Final = re.compile(r"[\w-]+")

Key = tuple[str, ...]
"""Names a report for ever: two files with the same key are the same report."""


class DateRange(TypedDict):
    """What a report covers, in Unix seconds; None where it does not say so."""

    begin: int | None
    end: int | None


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A DMARC aggregate report (RFC 7489, RFC 9990)."""

    file: str
    key: Key
    metadata: Fields
    policy: Fields
    records: Records
    extension: Fields = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    """What was odd and could be read nonetheless."""
    left_out: tuple[str, ...] = ()
    """What could not be read."""
    kind: Literal["dmarc-aggregate"] = "dmarc-aggregate"

    @property
    def domain(self) -> str:
        """The domain of the policy, or nothing where the report does not name it."""
        return str(self.policy.get("domain") or "")


@dataclass(frozen=True, slots=True)
class Tls:
    """A report of encrypted connections (RFC 8460)."""

    file: str
    key: Key
    metadata: Fields
    policies: tuple[Fields, ...]
    left_out: tuple[str, ...] = ()
    kind: Literal["tls"] = "tls"


@dataclass(frozen=True, slots=True)
class Feedback:
    """A report of one mail: why it failed DMARC (RFC 6591, RFC 9991), or that somebody complained (RFC 5965)."""

    file: str
    key: Key
    metadata: Fields
    feedback: Fields
    original: Fields
    """The header of the mail that it is about, as far as the report has it."""
    kind: Literal["dmarc-failure", "complaint"]
    left_out: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        """The type of the feedback, such as `abuse`; empty where the report names none."""
        return type_of(self.feedback)


@dataclass(frozen=True, slots=True)
class Broken:
    """A file that cannot be read as a report."""

    file: str
    why: str
    is_something_else: bool = False
    """Nothing in it seems to be a report."""
    kind: Literal["broken"] = "broken"


Report = Aggregate | Tls | Feedback


def type_of(feedback: Fields) -> str:
    """Return the type of feedback in small letters, without the comment that may stand behind it."""
    word = _WORD.match(feedback.get("feedback_type", ""))
    return word[0].lower() if word else ""


class BrokenReportError(Exception):
    """The content is no report, or is one that cannot be read; the text says why."""


class NotAReportError(BrokenReportError):
    """The content is something else."""
