"""What the providers' events tell became of mails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.model.outcome import Became, Outcome
from mailevents_dagster.sources.committed import committed
from mailevents_dagster.store.store import Store

BY_PROVIDER: Final = "provider"
"""The rule of a class that the provider says, where its event has neither code nor text."""
_COLUMNS: Final = (
    *("event_time", "identity", "kind", "recipient", "sender", "message_id", "code", "enhanced_code", "text", "class"),
    *("relay_host", "relay_ip", "sending_ip", "tls", "subject"),
)
_KINDS: Final = frozenset(map(str, Became))


def outcomes(store: Store, feed: Feed, hour: Hour, domain: str) -> Iterator[tuple[float, Outcome]]:
    """Yield the outcomes among the events of an hour; mails that came in, and whatever else is told, are none."""
    _, events = committed(store, feed, hour, _COLUMNS)
    for event in events.to_pylist():
        if event["kind"] in _KINDS and _is_of(domain, event["sender"]):
            time = event["event_time"].timestamp()
            yield time, _outcome(feed, event, time)


def _is_of(domain: str, sender: str | None) -> bool:
    """Return whether the mail is the domain's; where its sender is not told, the webhook speaks for it."""
    return not sender or sender.rpartition("@")[2].lower() == domain


def _outcome(feed: Feed, event: Mapping[str, Any], time: float) -> Outcome:
    says_why = event["code"] or event["enhanced_code"] or event["text"]
    hint = None if says_why or not event["class"] else (event["class"], "", BY_PROVIDER)
    return Outcome(
        time,
        Became(event["kind"]),
        event["identity"],
        recipient=event["recipient"],
        sender=event["sender"],
        message_id=event["message_id"],
        code=event["code"],
        enhanced_code=event["enhanced_code"],
        text=event["text"],
        relay_host=event["relay_host"],
        relay_ip=event["relay_ip"],
        sending_ip=event["sending_ip"],
        server=feed.kind.type,
        tls=event["tls"],
        subject=event["subject"],
        verdict=hint,
    )
