"""What became of a domain's mails in an hour, made of what is committed of it by all feeds that tell."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from mailevents_dagster.failures.classifying import classify
from mailevents_dagster.model.event import Collection, Event, Gap, Progress, StoppedError
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.outcome import Became, Outcome
from mailevents_dagster.sources.client import Options
from mailevents_dagster.sources.committed import NotCommittedError, committed_manifest
from mailevents_dagster.sources.json_records import event_with_id
from mailevents_dagster.sources.outcomes.pushing import pushing_of
from mailevents_dagster.sources.outcomes.settings.section import DomainSettings
from mailevents_dagster.store.hour.open_hour import OpenHour
from mailevents_dagster.store.manifest import Manifest
from mailevents_dagster.store.store import Store

FAILED = (Became.DEFERRED, Became.BOUNCED)


class OutcomesClient:
    """Makes the hours of one domain's outcomes, and of what others took of its suppression list."""

    def __init__(self, store: Store, made_of: Mapping[Feed, int], domain: DomainSettings) -> None:
        """Take the feeds that tell, each with its first hour."""
        self._store = store
        self._made_of = made_of
        self._stopped = threading.Event()
        self._pushing = pushing_of(store, domain, self._stopped)

    def collect(self, work: OpenHour, options: Options) -> Collection:
        """Return the outcomes of an hour, as complete as the hours of all feeds that tell of it are."""
        if pushing := self._pushing.get(work.feed):
            return pushing.collect(work, options)
        began = time.monotonic()
        told, gone = self._committed(work)
        events, counts = [], Counter[str]()
        for feed in told:
            for event in self._events(feed, work):
                events.append(event)
                counts[str(event.fields["outcome"])] += 1 if event.fields else 0
            options.report(Progress(len(events), 0, 0))
        return Collection(
            sorted(events, key=_order),
            strays=frozenset(),
            gaps=(*gone, *(gap for manifest in told.values() for gap in manifest.gaps)),
            listed_at=min((manifest.listed_at for manifest in told.values()), default=time.time()),
            closed=all(manifest.closed for manifest in told.values()),
            measures={
                **{f"outcomes_{became}": counts[became] for became in Became if counts[became]},
                "collect_seconds": round(time.monotonic() - began, 3),
            },
        )

    def _committed(self, work: OpenHour) -> tuple[dict[Feed, Manifest], list[Gap]]:
        """Return what is committed of the hour by each feed; a gap for each that will never have it."""
        told, gone = {}, []
        for feed, start in self._made_of.items():
            if start > work.hour.start:
                continue
            try:
                told[feed] = committed_manifest(self._store, feed, work.hour)
            except NotCommittedError as error:
                if not error.hour_is_gone:
                    raise
                gone.append(Gap(work.hour.start, 0, work.hour.end, str(error)))
        return told, gone

    def _events(self, feed: Feed, work: OpenHour) -> Iterator[Any]:
        if feed.kind.load_outcomes is None:
            raise TypeError(f"{feed} tells of no outcomes")
        for time_, outcome in feed.kind.load_outcomes()(self._store, feed, work.hour, work.feed.domain):
            if self._stopped.is_set():
                raise StoppedError("Making outcomes was stopped.")
            yield event_with_id(record_of(feed, time_, outcome))

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        """Nothing is held between hours."""


def _order(event: Event) -> tuple[float, bool]:
    """Put off comes before the last word: logs count in seconds, and feeds come one after the other."""
    return event.time, (event.fields or {})["outcome"] != Became.DEFERRED


def record_of(feed: Feed, time_: float, outcome: Outcome) -> dict[str, object]:
    """Return the record of an outcome that a feed tells, in the hour of the time of its record."""
    class_, reason, rule = _classes(outcome)
    return {
        "time": int(time_),
        "outcome": outcome.became.value,
        "class": class_,
        "reason": reason,
        "rule": rule,
        "recipient": outcome.recipient,
        "sender": outcome.sender,
        "message_id": outcome.message_id and outcome.message_id.strip().strip("<>"),
        "queue_id": outcome.queue_id,
        "code": outcome.code,
        "enhanced_code": outcome.enhanced_code,
        "text": outcome.text,
        "relay_host": outcome.relay_host,
        "relay_ip": outcome.relay_ip,
        "sending_ip": outcome.sending_ip,
        "server": outcome.server,
        "tls": outcome.tls,
        **({} if outcome.is_tried else {"tried": False}),
        "subject": outcome.subject,
        "outcome_at": outcome.time,
        "accepted_at": outcome.accepted_at,
        "feed": str(feed),
        "event_id": hashlib.blake2b(f"{feed}\0".encode() + outcome.id, digest_size=16).hexdigest(),
    }


def _classes(outcome: Outcome) -> tuple[str | None, str | None, str | None]:
    if outcome.became not in FAILED:
        return None, None, None
    if outcome.verdict:
        return outcome.verdict
    verdict = classify(outcome.code, outcome.enhanced_code, outcome.text or "")
    return verdict.bounce_class.value, verdict.reason.value, verdict.rule
