"""The columns of outcomes, beside the time and the record."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from mailevents_dagster.model.columns import Column

_TEXT: Final = pa.string()
_TIME: Final = pa.timestamp("ms", tz="UTC")

COLUMNS: Final[tuple[Column, ...]] = (
    Column("outcome", _TEXT, "accepted, delivered, deferred, bounced, complained, unsubscribed, opened or clicked."),
    Column("class", _TEXT, "Of a failure: hard, soft, policy (sender or content refused) or other; else null."),
    Column("reason", _TEXT, "Of class policy: reputation, content, authentication or rule; else empty or null."),
    Column("rule", _TEXT, "The rule that says the class."),
    Column("recipient", _TEXT, "The address that it is about."),
    Column("sender", _TEXT, "The sender of the envelope."),
    Column("message_id", _TEXT, "The Message-ID of the mail."),
    Column("queue_id", _TEXT, "The id of the mail in the queue of the server that sent it."),
    Column("code", pa.int16(), "The SMTP reply code, such as 550."),
    Column("enhanced_code", _TEXT, "The enhanced status code, such as 5.1.1."),
    Column("text", _TEXT, "What the receiving server answered."),
    Column("relay_host", _TEXT, "The receiving host."),
    Column("relay_ip", _TEXT, "Its address."),
    Column("sending_ip", _TEXT, "The address that the mail was sent from, where it is known."),
    Column("server", _TEXT, "The mail server or provider that sent it."),
    Column("tls", pa.bool_(), "Whether it went over TLS, where that is known."),
    Column("tried", pa.bool_(), "false where the sending server put it off without a try, as it logs; else null."),
    Column("subject", _TEXT, "Its subject, where the source has it."),
    Column("outcome_at", _TIME, "When this became of it, which may be after the hour that lists it."),
    Column("accepted_at", _TIME, "When the sending server took the mail, where it is known."),
    Column("feed", _TEXT, "The feed that tells it: owner and name."),
    Column("event_id", _TEXT, "Names the outcome for ever; the same while only its state changes."),
)
