"""The bounces of an hour, made of the lines that are committed of it."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Final

from mailevents_dagster.failures.classes import BounceClass
from mailevents_dagster.model.event import Collection
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.sources.committed import committed
from mailevents_dagster.sources.maillog.bounces.events import LINE_COLUMNS, bounce_rows
from mailevents_dagster.sources.maillog.bounces.format import bounce_event
from mailevents_dagster.sources.maillog.bounces.pattern_file import PatternsError
from mailevents_dagster.sources.maillog.bounces.patterns import Patterns, load_patterns
from mailevents_dagster.sources.maillog.errors import Cause, LogError
from mailevents_dagster.store.hour.open_hour import OpenHour
from mailevents_dagster.store.store import Store

NO_PATTERNS: Final = Patterns((), (), "")


class Bounces:
    """Finds the bounces in the lines of one server."""

    def __init__(self, store: Store, lines: Feed, pattern_file: Path | None) -> None:
        self._store = store
        self._lines = lines
        self._file = pattern_file
        self._patterns = NO_PATTERNS
        self._version: tuple[int, int, int] | None = None

    def collect(self, work: OpenHour) -> Collection:
        """Return the bounces of an hour, as complete as its lines are."""
        began = time.monotonic()
        patterns = self._patterns_now()
        manifest, lines = committed(self._store, self._lines, work.hour, LINE_COLUMNS)
        rows = list(bounce_rows(lines, self._lines.domain, patterns))
        classes = Counter(str(row["class"]) for row in rows)
        return Collection(
            [bounce_event(row) for row in rows],
            strays=frozenset(),
            gaps=manifest.gaps,
            listed_at=manifest.listed_at,
            closed=manifest.closed,
            measures={
                **{f"bounces_{name}": classes[name] for name in BounceClass},
                "with_pattern": sum(row["pattern_id"] is not None for row in rows),
                "collect_seconds": round(time.monotonic() - began, 3),
            },
            notes=patterns.problems,
        )

    def _patterns_now(self) -> Patterns:
        """Return the patterns, read again where their file has changed."""
        if self._file is None:
            return NO_PATTERNS
        try:
            stat = self._file.stat()
            if (version := (stat.st_ino, stat.st_size, stat.st_mtime_ns)) != self._version:
                self._patterns, self._version = load_patterns(self._file), version
        except (OSError, PatternsError) as error:
            raise LogError(Cause.PATTERNS, f"bounces.patterns: {error}") from None
        return self._patterns
