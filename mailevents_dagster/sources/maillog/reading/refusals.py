"""What keeps an hour from being read, as those who must act are told."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from mailevents_dagster.sources.maillog.errors import Cause, LogError
from mailevents_dagster.sources.maillog.reading.index import Index
from mailevents_dagster.sources.maillog.reading.survey import Survey, Unreadable


def refuse_unreadable(survey: Survey, index: Index, pattern: str, first: int, end: int) -> None:
    """Raise where files that may hold lines of a window cannot be read, or where there are none."""
    if not survey.places:
        raise LogError(
            Cause.NO_FILE,
            f"No file is named {pattern}, or the user that runs this may not look into its folder. Correct `files`, or "
            f"let that user read the logs: on Debian, members of the group `adm` may.",
        )
    for one in survey.unreadable:
        if not one.is_lasting and _may_hold(one, survey, index, first, end):
            raise _error_of(one)
    if not any(survey.parts.values()):
        raise LogError(
            Cause.NO_LOG,
            f"{pattern}: no file has a line that begins with a time. An hour counts as empty where a log shows it, so "
            f"nothing can be said of this one yet.",
            is_passing=True,
        )


def _may_hold(one: Unreadable, survey: Survey, index: Index, first: int, end: int) -> bool:
    """Return whether lines of a window may be in this file: it was written since, and none before it begins later."""
    older = [
        part
        for part in survey.parts.get(one.place.name.log, ())
        if part.place.name.age > one.place.name.age and index.files[part.file].begins >= end
    ]
    return one.place.mtime >= first and not older


def _error_of(one: Unreadable) -> LogError:
    if one.why == "no line of it begins with a time":
        return LogError(
            Cause.NO_LOG,
            f"{one.place.path}: {one.why}, so it is no log that is known here, or it was damaged. Let `files` name the "
            f"mail server's log alone, and see that it logs times as Exim or syslog do.",
            is_passing=True,  # it may be the rest of a line that was written while the file was truncated
        )
    return LogError(
        Cause.RIGHTS,
        f"{one.place.path} cannot be read: {one.why}. Let the user that runs this read it: on Debian, members of the "
        f"group `adm` may; see that rotation gives new files the same rights (`create` in logrotate's settings).",
    )


def gone(pattern: str, begins: int, zone: str) -> LogError:
    """Return the error for an hour that is older than the log."""
    return LogError(
        Cause.GONE,
        f"{pattern}: the log begins at {clock(begins, zone)}. This hour is older and can no longer be read; nothing "
        f"stored was changed.",
    )


def clock(time: int, zone: str) -> str:
    """Return a time as the clock on the wall shows it."""
    return f"{datetime.fromtimestamp(time, ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"
