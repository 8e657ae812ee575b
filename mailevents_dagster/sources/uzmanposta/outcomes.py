"""What the provider's records of outgoing mails tell became of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.model.outcome import Became, Outcome
from mailevents_dagster.sources.committed import committed
from mailevents_dagster.sources.statuses import outcome_of
from mailevents_dagster.store.store import Store

COLUMNS: Final = ("event_time", "identity", "message_id", "queue_id", "mailfrom", "sender", "subject", "recipients")
BECAME: Final[Mapping[str, Became]] = {
    "delivered": Became.DELIVERED,
    "deferred": Became.DEFERRED,
    "bounced": Became.BOUNCED,
    "rejected": Became.BOUNCED,
}
"""By the words of statuses; what any other says is no word of a receiving server."""
_REPLY: Final = re.compile(r"\s*([245]\d\d)(?:[ -]|$)")
_ENHANCED: Final = re.compile(r"(?<![\w.])([245]\.\d{1,3}\.\d{1,3})(?![\w.])")


def outcomes(store: Store, feed: Feed, hour: Hour, _domain: str) -> Iterator[tuple[float, Outcome]]:
    """Yield an outcome for each recipient of each mail of an hour."""
    _, mails = committed(store, feed, hour, COLUMNS)
    like_it = Counter[bytes]()
    for mail in mails.to_pylist():
        identity = mail["identity"]
        time = mail["event_time"].timestamp()
        for place, recipient in enumerate(mail["recipients"] or [{}]):
            id_ = b"%b%d.%d" % (identity, like_it[identity], place)
            yield time, _outcome(feed, mail, recipient or {}, time, id_)
        like_it[identity] += 1


def _outcome(feed: Feed, mail: Mapping[str, Any], recipient: Mapping[str, Any], time: float, id_: bytes) -> Outcome:
    status, answer = recipient.get("status_code") or "", recipient.get("status_string") or ""
    reply = _REPLY.match(status) or _REPLY.match(answer)
    enhanced = _ENHANCED.search(status) or _ENHANCED.search(answer)
    said = outcome_of((recipient.get("status") or "").strip().lower(), status)
    at = recipient.get("time")
    return Outcome(
        at.timestamp() if at else time,
        BECAME.get(said, Became.ACCEPTED),
        id_,
        recipient=recipient.get("mailto") or None,
        sender=mail["mailfrom"] or mail["sender"],
        message_id=mail["message_id"],
        queue_id=mail["queue_id"],
        code=int(reply[1]) if reply else None,
        enhanced_code=enhanced[1] if enhanced else None,
        text=answer or None,
        relay_ip=recipient.get("dstip") or None,
        server=feed.kind.source,
        subject=mail["subject"],
        accepted_at=time,
    )
