"""Operating logs: what the collector did for a feed and what went wrong, in files beside the feed's own logs."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from mailevents_dagster.files.atomic import make_folder
from mailevents_dagster.files.json_text import one_line
from mailevents_dagster.files.locks import take
from mailevents_dagster.model.event import SourceError
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import OperatingLogSettings
from mailevents_dagster.store.layout import Layout

logger = logging.getLogger(__name__)


class OperatingLogs:
    """The operating logs of all feeds; several processes may write to them at once."""

    def __init__(self, layout: Layout, names: OperatingLogSettings, timezone: str) -> None:
        self._layout = layout
        self._names = names
        self._zone = ZoneInfo(timezone)

    def log_of(self, feed: Feed, log: logging.Logger) -> FeedLog:
        return FeedLog(log, feed, self)

    def message(self, feed: Feed, text: str, level: int = logging.INFO) -> None:
        """Write a line that says what was done."""
        now = self._now()
        said = " ".join(text.removeprefix(str(feed)).lstrip(": ").splitlines())
        line = f"{now.isoformat(timespec='seconds')} {logging.getLevelName(level)} {feed}: {said}\n"
        encoded = line.encode(errors="backslashreplace")
        self._append(feed, self._names.messages, self._names.messages_kept, now, encoded)

    def call_failed(self, feed: Feed, hour: Hour, error: SourceError) -> None:
        """Write a line about one attempt of a call."""
        self._error(feed, hour, error, attempt=error.attempt, duration_ms=error.milliseconds)

    def hour_failed(self, feed: Feed, hour: Hour, error: Exception) -> None:
        """Write a line about an hour that could not be collected, after all attempts."""
        self._error(feed, hour, error, hour_failed=True)

    def _error(self, feed: Feed, hour: Hour, error: Exception, **facts: object) -> None:
        now, source_error = self._now(), error if isinstance(error, SourceError) else None
        content = {
            "time": now.isoformat(timespec="milliseconds"),
            "error": str(source_error.cause) if source_error else type(error).__name__,
            "domain": feed.domain,
            "type": feed.kind.type,
            "category": feed.kind.category,
            "hour": hour.key,
            **({"request": source_error.request} if source_error and source_error.request else {}),
            **facts,
            "message": str(error),
        }
        self._append(feed, self._names.errors, self._names.errors_kept, now, one_line(content) + b"\n")

    def _now(self) -> datetime:
        return datetime.fromtimestamp(time.time(), self._zone)

    def _append(self, feed: Feed, pattern: str, kept: int, now: datetime, line: bytes) -> None:
        path = self._layout.operating_log(feed, now.strftime(pattern))
        try:
            _append(path, line, pattern, kept)
        except OSError as error:  # what is collected matters more than what is said of it
            logger.warning(f"{path} cannot be written ({error.strerror}); the collection goes on without it.")


class FeedLog(logging.LoggerAdapter[logging.Logger]):
    """A logger, Dagster's in a run, whose lines also go into the operating log of a feed."""

    def __init__(self, log: logging.Logger, feed: Feed, logs: OperatingLogs) -> None:
        super().__init__(log, {})
        self._feed = feed
        self._logs = logs

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        self._logs.message(self._feed, str(msg), level)
        super().log(level, msg, *args, **kwargs)


def _append(path: Path, line: bytes, pattern: str, kept: int) -> None:
    is_new = not path.exists()
    if is_new:
        make_folder(path.parent)
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        take(handle)  # until the handle is closed, so that no two lines mix
        os.write(handle, line)
    finally:
        os.close(handle)
    if is_new:
        for old in written(path.parent, pattern)[:-kept]:
            old.unlink(missing_ok=True)  # another process may delete it, too


def written(folder: Path, pattern: str) -> Sequence[Path]:
    """Return the files of a folder that the pattern has named, oldest first."""
    named = ((_named_at(path.name, pattern), path) for path in folder.iterdir())
    return [path for time, path in sorted((time, path) for time, path in named if time is not None)]


def _named_at(name: str, pattern: str) -> tuple[str, ...] | None:
    """Return year, month, day and hour, as far as the pattern has them, of a name that it made; None for others."""
    expression = re.escape(pattern)
    for code, digits in (("Y", 4), ("m", 2), ("d", 2), ("H", 2)):
        expression = expression.replace(f"%{code}", f"(?P<{code}>[0-9]{{{digits}}})")
    match = re.fullmatch(expression, name)
    return tuple(match.groupdict().get(code, "") for code in "YmdH") if match else None
