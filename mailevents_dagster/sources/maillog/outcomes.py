"""What the lines of a mail server tell became of the mails of a domain."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.model.outcome import Became, Outcome
from mailevents_dagster.sources.committed import committed
from mailevents_dagster.sources.maillog.grammar.columns import NOT_ENCRYPTED, NOT_TRIED
from mailevents_dagster.sources.maillog.origins import Origin, origins
from mailevents_dagster.sources.maillog.waiting import waiting
from mailevents_dagster.store.store import Store

_SAID: Final = (
    *("event_time", "queue_id", "message_id", "recipient", "sender", "code", "enhanced_code", "text"),
    *("relay_host", "relay_address", "tls"),
)
_LINES: Final = (*_SAID, "identity", "original_recipient")
_BOUNCES: Final = (*_SAID, "event", "class", "reason", "rule", "event_id")
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
    """Yield the bounces and deferrals of an hour; what patterns found in other lines is no outcome of a mail.

    A mail that was given up for all who waited is an outcome for each of them.
    """
    _, bounces = committed(store, feed, hour, _BOUNCES)
    bounces = bounces.filter(pc.is_in(bounces["event"], pa.array([*_BECAME])))
    sent_by = origins(store, lines_of(feed.domain), hour, bounces["queue_id"])
    for bounce in _for_each(store, lines_of(feed.domain), hour, bounces.to_pylist()):
        origin = sent_by.get(bounce["queue_id"], Origin())
        if _is_of(domain, bounce, origin):
            became = _BECAME[bounce["event"]]
            yield bounce["event_time"].timestamp(), _outcome(feed, bounce, origin, became, bounce["id"])


def _for_each(
    store: Store, lines: Sequence[Feed], hour: Hour, bounces: Sequence[Mapping[str, Any]]
) -> Iterator[Mapping[str, Any]]:
    """Yield bounces with the id of their outcome, one that names nobody for each whom the mail waited for."""
    nameless = [one for one in bounces if one["recipient"] is None and one["event"] == "bounce" and one["queue_id"]]
    people = waiting(store, lines, hour, {one["queue_id"]: one["event_time"] for one in nameless})
    for bounce in bounces:
        id_ = bytes.fromhex(bounce["event_id"])
        if bounce["recipient"] is None and (found := people.get(bounce["queue_id"])):
            yield from ({**bounce, "recipient": one, "id": id_ + one.encode()} for one in found)
        else:
            yield {**bounce, "id": id_}


def _is_of(domain: str, row: Mapping[str, Any], origin: Origin) -> bool:
    sender = row["sender"] or origin.sender or ""
    return str(sender).rpartition("@")[2].lower() == domain


def _is_encrypted(tls: str | None) -> bool | None:
    """Return what a line says of the connection; None where it does not tell.

    Postfix writes level/features: a level that was not met is followed by : and the one that was, or by ? or !.
    """
    level = (tls or "?").partition("/")[0]
    return None if level.endswith(("?", "!")) else level.rpartition(":")[2] != NOT_ENCRYPTED


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
        relay_ip=row["relay_address"],
        server=feed.domain,
        tls=_is_encrypted(row["tls"]),
        is_tried=became is not Became.DEFERRED or not re.match(NOT_TRIED, row["text"] or ""),
        subject=origin.subject,
        accepted_at=origin.arrived,
        verdict=(row["class"], row["reason"], row["rule"]) if "class" in row else None,
    )
