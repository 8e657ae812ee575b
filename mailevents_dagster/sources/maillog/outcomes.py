"""What the lines of a mail server tell became of the mails of a domain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.model.outcome import Became, Outcome
from mailevents_dagster.sources.committed import committed
from mailevents_dagster.sources.maillog.origins import Origin, origins
from mailevents_dagster.store.store import Store

_SAID: Final = ("event_time", "queue_id", "message_id", "recipient", "sender", "code", "enhanced_code", "text")
_LINES: Final = (*_SAID, "identity", "original_recipient", "relay_host", "relay_address", "tls")
_BOUNCES: Final = (*_SAID, "event", "class", "reason", "rule", "relay_host", "event_id")
_BECAME: Final = {"bounce": Became.BOUNCED, "deferral": Became.DEFERRED}


def deliveries(
    lines_of: Callable[[str], Sequence[Feed]], store: Store, feed: Feed, hour: Hour, domain: str
) -> Iterator[tuple[float, Outcome]]:
    """Yield the deliveries among the lines of an hour."""
    _, lines = committed(store, feed, hour, (*_LINES, "event"))
    lines = lines.filter(pc.equal(lines["event"], "delivery"))
    sent_by = origins(store, lines_of(feed.domain), hour, lines["queue_id"])
    like_it = Counter[bytes]()
    for line in lines.to_pylist():
        identity = line["identity"]
        id_ = b"%b%d" % (identity, like_it[identity])
        like_it[identity] += 1
        origin = sent_by.get(line["queue_id"], Origin())
        if _is_of(domain, line, origin):
            yield line["event_time"].timestamp(), _outcome(feed, line, origin, Became.DELIVERED, id_)


def failures(
    lines_of: Callable[[str], Sequence[Feed]], store: Store, feed: Feed, hour: Hour, domain: str
) -> Iterator[tuple[float, Outcome]]:
    """Yield the bounces and deferrals of an hour; what patterns found in other lines is no outcome of a mail."""
    _, bounces = committed(store, feed, hour, _BOUNCES)
    bounces = bounces.filter(pc.is_in(bounces["event"], pa.array([*_BECAME])))
    sent_by = origins(store, lines_of(feed.domain), hour, bounces["queue_id"])
    for bounce in bounces.to_pylist():
        origin = sent_by.get(bounce["queue_id"], Origin())
        if _is_of(domain, bounce, origin):
            id_ = bytes.fromhex(bounce["event_id"])
            yield bounce["event_time"].timestamp(), _outcome(feed, bounce, origin, _BECAME[bounce["event"]], id_)


def _is_of(domain: str, row: Mapping[str, Any], origin: Origin) -> bool:
    sender = row["sender"] or origin.sender or ""
    return str(sender).rpartition("@")[2].lower() == domain


def _outcome(feed: Feed, row: Mapping[str, Any], origin: Origin, became: Became, id_: bytes) -> Outcome:
    recipient, original = row["recipient"], row.get("original_recipient")
    return Outcome(
        row["event_time"].timestamp(),
        became,
        id_,
        # Exim names local users without a domain.
        recipient=original if original and recipient and "@" not in recipient else recipient,
        sender=row["sender"] or origin.sender,
        message_id=row["message_id"] or origin.message_id,
        queue_id=row["queue_id"],
        code=row["code"],
        enhanced_code=row["enhanced_code"],
        text=row["text"],
        relay_host=row["relay_host"],
        relay_ip=row.get("relay_address"),
        server=feed.domain,
        tls=bool(row["tls"]) if "tls" in row else None,
        subject=origin.subject,
        accepted_at=origin.arrived,
        verdict=(row["class"], row["reason"], row["rule"]) if "class" in row else None,
    )
