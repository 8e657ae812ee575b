"""The columns of a message. Its bodies and headers are in the record alone: twice would be too much."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from mailevents_dagster.model.columns import Column

_TEXT: Final = pa.string()
_FLAG: Final = pa.bool_()
_ADDRESSES: Final = pa.list_(pa.struct([("name", _TEXT), ("address", _TEXT)]))
_ATTACHMENTS: Final = pa.list_(
    pa.struct(
        [
            ("name", _TEXT),
            ("size", pa.int64()),
            ("sha256", _TEXT),
            ("inline", _FLAG),
            ("safe_name", _TEXT),
            ("type", _TEXT),
            ("content_id", _TEXT),
        ]
    )
)

COLUMNS: Final[tuple[Column, ...]] = (
    Column("id", _TEXT, "The mailbox's own id of the message, which stays when it is moved."),
    Column("message_id", _TEXT, "The Message-ID, without < and >; two messages may have the same."),
    Column("subject", _TEXT, "The subject, decoded."),
    Column("from_address", _TEXT, "Who it seems to be from: the address in From."),
    Column("sender_address", _TEXT, "Who sent it: the address in Sender, or else in From."),
    Column("to_recipients", _ADDRESSES, "The recipients in To, by name and address."),
    Column("cc_recipients", _ADDRESSES, "The recipients in Cc, by name and address."),
    Column("folder", _TEXT, "The path of the folder that it was in when it was collected."),
    Column("size", pa.int64(), "The length of the raw message in bytes."),
    Column(
        "attachments",
        _ATTACHMENTS,
        "What is attached, nested messages too: its name as given, size and SHA-256 of the decoded content, whether it "
        "is shown within the text, a name that every file system takes, media type and Content-ID.",
    ),
    Column("blob", _TEXT, "SHA-256 of the raw message, by which it is kept; null where it could not be had."),
    Column("kind", _TEXT, "What it is: note, bounce, receipt, auto_reply, meeting, report."),
    Column("received", pa.timestamp("ms", tz="UTC"), "When it came into the mailbox."),
    Column("sent", pa.timestamp("ms", tz="UTC"), "When it was sent, by its Date; null where that names no time zone."),
    Column("from_name", _TEXT, "The name in From."),
    Column("sender_name", _TEXT, "The name in Sender, or else in From."),
    Column("bcc_recipients", _ADDRESSES, "The recipients in Bcc, by name and address."),
    Column("reply_to", _ADDRESSES, "Where answers should go, by name and address."),
    Column("importance", _TEXT, "low, normal or high."),
    Column("read", _FLAG, "Whether it was marked as read when it was collected."),
    Column("conversation", _TEXT, "The mailbox's own id of the conversation."),
    Column("in_reply_to", pa.list_(_TEXT), "The ids of the messages that it answers."),
    Column("authentication_results", pa.list_(_TEXT), "What mail servers found of SPF, DKIM and DMARC."),
    Column("source", _TEXT, "Where the raw message is from: mime, json (made of a mailbox's JSON), pst."),
    Column("faults", pa.list_(_TEXT), "What of it is broken, or was left out."),
)
