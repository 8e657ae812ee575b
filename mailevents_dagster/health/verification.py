"""What was verified of the store and what was found: alone, and compared with what sources show now."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from mailevents_dagster.collecting.feed_states import states_of
from mailevents_dagster.health.incomplete_hours import lacks
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.store.store import Store
from mailevents_dagster.store.verify import Finding, Severity, verify_hour

MB: Final = 1e6


@dataclass(slots=True)
class Verification:
    """The numbers and findings so far."""

    hours: int = 0
    events: int = 0
    log_bytes: int = 0
    compared_hours: int = 0
    not_compared_hours: int = 0
    """Hours that could not be listed, or were not tried after a source refused."""
    forgotten_hours: int = 0
    """Hours that their source no longer has."""
    list_calls: int = 0
    findings: list[Finding] = field(default_factory=list)

    def verify(self, store: Store, hours: Sequence[tuple[Feed, Hour]]) -> Iterator[None]:
        """Verify stored hours, stopping after each."""
        for feed, hour in hours:
            verified = verify_hour(store, feed, hour)
            self.hours += 1
            self.events += verified.events
            self.log_bytes += verified.log_bytes
            self.findings += verified.findings
            if manifest := store.readable_manifest(feed, hour):
                self.findings += lacks(manifest)
            yield

    def still_given(
        self, settings: Settings, store: Store, hours: Sequence[tuple[Feed, Hour]]
    ) -> list[tuple[Feed, Hour]]:
        """Return the hours that their sources still have, and count the others."""
        now, states = time.time(), {state.feed: state for state in states_of(settings, store)}
        given = [(feed, hour) for feed, hour in hours if states[feed].is_given(hour.start, now)]
        self.forgotten_hours = len(hours) - len(given)
        return given

    def compare(self, settings: Settings, store: Store, due: Sequence[tuple[Feed, Hour]]) -> Iterator[None]:
        """Compare hours with what their sources show now, stopping after each."""
        self.not_compared_hours = len(due)
        for source in settings.sources:
            own = [pair for pair in due if pair[0].kind.source == source.name]
            for findings, calls in source.compare(settings, store, own) if source.compare else ():
                is_compared = all(finding.severity != Severity.FAILED for finding in findings)
                self.compared_hours += is_compared
                self.not_compared_hours -= is_compared
                self.list_calls += calls
                self.findings += findings
                yield

    @property
    def is_empty(self) -> bool:
        return not self.hours and not self.findings

    @property
    def notes(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity == Severity.NOTE]

    @property
    def faults(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity != Severity.NOTE]

    @property
    def verdict(self) -> str:
        """Return in a line or two what was verified and what came of it."""
        if self.is_empty:
            return "Nothing is stored in that range, so there is nothing to verify."
        kinds = Counter(str(finding.severity) for finding in self.findings)
        found = ", ".join(f"{number:,} {kind}{'s' * (kind == 'note' and number > 1)}" for kind, number in kinds.items())
        if not self.faults:
            found = f"all is as it was committed{f' ({found})' if found else ''}"
        compared = (
            f" {self.compared_hours:,} hours were listed again in {self.list_calls:,} calls, "
            f"{self.not_compared_hours:,} were not; {self.forgotten_hours:,} hours are older than what is asked for."
        )
        return (
            f"{self.hours:,} hours with {self.events:,} events in {self.log_bytes / MB:,.1f} MB of logs: {found}."
            f"{compared if self.compared_hours or self.not_compared_hours or self.forgotten_hours else ''}"
        )
