"""The columns of what webhooks tell. Texts, HTML and links are in the record alone."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from mailevents_dagster.model.columns import Column

_TEXT: Final = pa.string()
_TEXTS: Final = pa.list_(_TEXT)
_ATTACHMENTS: Final = pa.list_(
    pa.struct(
        [
            ("name", _TEXT),
            ("size", pa.int64()),
            ("sha256", _TEXT),
            ("inline", pa.bool_()),
            ("type", _TEXT),
            ("content_id", _TEXT),
        ]
    )
)

COLUMNS: Final[tuple[Column, ...]] = (
    Column(
        "kind",
        _TEXT,
        "accepted, delivered, deferred, bounced, complained, opened, clicked, unsubscribed; inbound: a mail that came "
        "in; other.",
    ),
    Column("id", _TEXT, "The provider's id of the event, or a digest of all that it says: what is sent again has it."),
    Column("message_id", _TEXT, "The Message-ID, without < and >; the provider's own id where it tells no other."),
    Column("recipient", _TEXT, "Whom the event is about, or whom the mail is for."),
    Column("blob", _TEXT, "SHA-256 of the raw message, by which it is kept; null where the provider sent none."),
    Column("event", _TEXT, "What the provider itself calls it."),
    Column("received", pa.timestamp("ms", tz="UTC"), "When the request came."),
    Column("sender", _TEXT, "Who sent the mail: the envelope's sender where it is told, or the address in From."),
    Column("class", _TEXT, "hard, soft, policy or other, by the provider's own class; of deferred and bounced."),
    Column("code", pa.int32(), "The reply code in the remote answer."),
    Column("enhanced_code", _TEXT, "The enhanced code in the remote answer."),
    Column("text", _TEXT, "The remote answer, or the provider's reason."),
    Column("relay_host", _TEXT, "The host that answered."),
    Column("relay_ip", _TEXT, "Its address."),
    Column("sending_ip", _TEXT, "The address that the provider sent from."),
    Column("tls", pa.bool_(), "Whether the mail went over TLS."),
    Column("ip", _TEXT, "The address of who opened or clicked, or of who sent the mail that came in."),
    Column("user_agent", _TEXT, "The program that opened or clicked."),
    Column("subject", _TEXT, "The subject."),
    Column("tags", _TEXTS, "Tags or categories that the mail was sent with."),
    Column("size", pa.int64(), "The length of the message in bytes, as far as it is known."),
    Column(
        "attachments",
        _ATTACHMENTS,
        "What is attached: name as given, size and SHA-256 of the content, whether it is shown within the text, media "
        "type, Content-ID.",
    ),
    Column("blobs", _TEXTS, "SHA-256 of all that is kept beside the record: the raw message, or each attachment."),
)
