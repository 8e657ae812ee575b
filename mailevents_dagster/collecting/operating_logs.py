"""Operating logs: what the collector did for a feed and what went wrong, in files beside the feed's own logs."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from mailevents_dagster.files.atomic import make_folder
from mailevents_dagster.files.json_text import one_line
from mailevents_dagster.files.locks import take
from mailevents_dagster.model.event import SourceError
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import OperatingLogSettings
from mailevents_dagster.sources.catalog import FEED_KINDS
from mailevents_dagster.sources.uzmanposta.errors import ApiError
from mailevents_dagster.store.layout import Layout

logger = logging.getLogger(__name__)


class OperatingLogs(logging.Handler):
    """Writes what is logged of a feed into its files, whatever process says it.

    As a handler it takes records that say their `feed`, as those of `log_of` do.
    """

    def __init__(self, layout: Layout, names: OperatingLogSettings, timezone: str) -> None:
        super().__init__(logging.INFO)
        self._layout = layout
        self._names = names
        self._zone = ZoneInfo(timezone)

    def log_of(self, feed: Feed, log: logging.Logger) -> logging.LoggerAdapter[logging.Logger]:
        """A logger whose lines go where those of `log` go, which is Dagster's in a run, and into the feed's files."""
        if self not in log.handlers:
            log.handlers.insert(0, self)  # before Dagster's own, which writes the run into the text of the record
        return logging.LoggerAdapter(log, {"feed": str(feed)})

    def emit(self, record: logging.LogRecord) -> None:
        feed = feed_written(getattr(record, "feed", ""))
        if feed:
            self.message(feed, record.getMessage(), record.levelname)

    def message(self, feed: Feed, text: str, level: str = "INFO") -> None:
        """A line that says what was done."""
        now = datetime.fromtimestamp(time.time(), self._zone)
        said = " ".join(text.removeprefix(str(feed)).lstrip(": ").splitlines())
        line = f"{now.isoformat(timespec='seconds')} {level} {feed}: {said}\n"
        encoded = line.encode(errors="backslashreplace")
        self._append(feed, self._names.messages, self._names.messages_kept, now, encoded)

    def call_failed(self, feed: Feed, hour: Hour, error: ApiError) -> None:
        """A line about one attempt of a call."""
        self._error(feed, hour, error, {"attempt": error.attempt, "duration_ms": error.milliseconds})

    def hour_failed(self, feed: Feed, hour: Hour, error: Exception) -> None:
        """A line about an hour that could not be collected, after all attempts."""
        self._error(feed, hour, error, {"hour_failed": True})

    def _error(self, feed: Feed, hour: Hour, error: Exception, facts: dict[str, object]) -> None:
        now = datetime.fromtimestamp(time.time(), self._zone)
        content = {
            "time": now.isoformat(timespec="milliseconds"),
            "error": str(error.cause) if isinstance(error, SourceError) else type(error).__name__,
            "domain": feed.domain,
            "type": feed.kind.type,
            "category": feed.kind.category,
            "hour": hour.key,
            **({"request": error.request} if isinstance(error, SourceError) and error.request else {}),
            **facts,
            "message": str(error),
        }
        self._append(feed, self._names.errors, self._names.errors_kept, now, one_line(content) + b"\n")

    def _append(self, feed: Feed, pattern: str, kept: int, now: datetime, line: bytes) -> None:
        path = self._layout.operating_log(feed, now.strftime(pattern))
        try:
            _append(path, line, pattern, kept)
        except OSError as error:  # what is collected matters more than what is said of it
            logger.warning(f"{path} cannot be written ({error.strerror}); the collection goes on without it.")


def _append(path: Path, line: bytes, pattern: str, kept: int) -> None:
    is_new = not path.exists()
    if is_new:
        make_folder(path.parent)
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        take(handle)  # goes with the handle; nobody's line comes to stand within another's
        os.write(handle, line)
    finally:
        os.close(handle)
    if is_new:
        for old in written(path.parent, pattern)[:-kept]:
            old.unlink(missing_ok=True)  # another process may be at it, too


def written(folder: Path, pattern: str) -> Sequence[Path]:
    """The files of a folder that such a pattern has named, oldest first; no other file is ever touched."""
    found = []
    for path in folder.iterdir():
        time_of = named_at(path.name, pattern)
        if time_of is not None:
            found.append((time_of, path))
    return [path for _, path in sorted(found)]


def named_at(name: str, pattern: str) -> tuple[str, ...] | None:
    """Year, month, day and hour, as far as the pattern has them, of a name that it made; None for other names."""
    expression = re.escape(pattern)
    for code, digits in (("Y", 4), ("m", 2), ("d", 2), ("H", 2)):
        expression = expression.replace(f"%{code}", f"(?P<{code}>[0-9]{{{digits}}})")
    match = re.fullmatch(expression, name)
    return tuple(match.groupdict().get(code, "") for code in "YmdH") if match else None


def feed_written(text: str) -> Feed | None:
    """The feed of a text such as `example.com mail/incominglog`."""
    domain, _, name = text.partition(" ")
    return Feed(domain, FEED_KINDS[name]) if name in FEED_KINDS else None
