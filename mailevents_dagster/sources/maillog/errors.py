"""What can go wrong with a mail server's log, as those who must act are told."""

from __future__ import annotations

from enum import StrEnum

from mailevents_dagster.model.event import SourceError


class Cause(StrEnum):
    """The classes of failure, as operators count them."""

    RIGHTS = "rights"
    NO_FILE = "no file"
    NO_LOG = "no log"
    CHANGED = "changed"
    GONE = "gone"
    PATTERNS = "patterns"


class LogError(SourceError):
    """A log that could not be read."""

    cause: Cause

    def __init__(self, cause: Cause, message: str, *, is_passing: bool = False) -> None:
        super().__init__(message)
        self.cause = cause
        self.is_passing = is_passing
        self.hour_is_gone = cause is Cause.GONE
