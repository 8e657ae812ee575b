"""What the messages of a mailbox tell became of mails: bounces, delays, complaints, and reports of deliveries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.model.outcome import Became, Outcome
from mailevents_dagster.sources.committed import committed
from mailevents_dagster.sources.outcomes.notices.notice import Notice, NoticeKind
from mailevents_dagster.sources.outcomes.notices.reading import notices_of
from mailevents_dagster.store.store import Store

CHUNK: Final = 1 << 16
_COLUMNS: Final = ("event_time", "identity", "kind", "blob", "source")
_HELD_AGAINST: Final = ("abuse", "fraud")
"""Types of feedback that are complaints of the recipient; others, such as not-spam, say the contrary or nothing."""
_BECAME: Final = {NoticeKind.BOUNCE: Became.BOUNCED, NoticeKind.DEFERRAL: Became.DEFERRED}


def outcomes(store: Store, feed: Feed, hour: Hour, domain: str) -> Iterator[tuple[float, Outcome]]:
    """Yield what each message of an hour tells of mails of the domain."""
    _, messages = committed(store, feed, hour, _COLUMNS)
    # A mail made of a mailbox's JSON has no parts to be read.
    messages = messages.filter(pc.and_(pc.is_valid(messages["blob"]), pc.equal(messages["source"], "mime")))
    may_tell = messages.filter(pc.is_in(messages["kind"], value_set=pa.array(["note", "bounce", "receipt", "report"])))
    for message in may_tell.to_pylist():
        with store.blobs.open(message["blob"]) as file:
            told = notices_of(iter(lambda: file.read(CHUNK), b""))
        for place, notice in enumerate(told):
            became = _became(notice)
            if became and _is_of(domain, notice):
                yield message["event_time"].timestamp(), _outcome(message, notice, became, place)


def _became(notice: Notice) -> Became | None:
    if notice.kind is NoticeKind.COMPLAINT:
        is_held_against = notice.feedback_type is None or notice.feedback_type.lower() in _HELD_AGAINST
        return Became.COMPLAINED if is_held_against else None
    if notice.kind is NoticeKind.RECEIPT:
        return Became.DELIVERED if notice.is_delivered else None
    return _BECAME.get(notice.kind)


def _is_of(domain: str, notice: Notice) -> bool:
    """Return whether the mail was sent by the domain; where its sender is not told, the mailbox speaks for it."""
    sender = notice.original.sender
    return not sender or sender.rpartition("@")[2].lower() == domain


def _outcome(message: Mapping[str, Any], notice: Notice, became: Became, place: int) -> Outcome:
    class_, rule = notice.bounce_class, notice.rule
    return Outcome(
        message["event_time"].timestamp(),
        became,
        b"%b%d" % (message["identity"], place),
        recipient=notice.recipient,
        sender=notice.original.sender,
        message_id=notice.original.message_id,
        code=notice.code,
        enhanced_code=notice.enhanced_code,
        text=notice.text,
        relay_host=notice.remote_host,
        server=notice.reporting_host,
        accepted_at=notice.arrived,
        verdict=(class_.value, notice.reason.value, rule) if class_ and rule else None,
    )
