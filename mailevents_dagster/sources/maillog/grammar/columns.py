"""The columns of a log line, the same for every mail server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pyarrow as pa

from mailevents_dagster.model.columns import Column

EVENTS: Final = ("arrival", "delivery", "deferral", "bounce", "rejection", "completion", "other")

NOT_ENCRYPTED: Final = "none"
NOT_TRIED: Final = "^(?:[Rr]etry time not (?:yet )?reached|delivery temporarily suspended)"
"""How Exim says that it is too early to try again, and Postfix that it tries nothing at a host that did not answer."""

_TEXT: Final = pa.string()

COLUMNS: Final[tuple[Column, ...]] = (
    Column(
        "event",
        _TEXT,
        "What the line tells: arrival, delivery, deferral, bounce, rejection, completion, other. A mail arrives once: "
        "with `<=` in Exim, with the client= of smtpd or the uid= of pickup in Postfix, where other lines tell message "
        "id, sender and size. A bounce without a recipient is a mail that expired, for all who had not got it.",
    ),
    Column("queue_id", _TEXT, "The id of the mail in the server's queue; ids come again after some time."),
    Column("message_id", _TEXT, "The Message-ID of the mail, without < and >."),
    Column("sender", _TEXT, "The envelope sender; empty for the null sender <>, null where the line names none."),
    Column(
        "recipient",
        _TEXT,
        "The final address: what aliases and rules made of the original one. Exim names local users without a domain.",
    ),
    Column(
        "relay_host",
        _TEXT,
        "The host that took or refused the mail, or sent it; in Postfix also `local` or another transport.",
    ),
    Column("code", pa.int16(), "The SMTP reply code of the answer, such as 550."),
    Column(
        "enhanced_code", _TEXT, "The enhanced status code, such as 5.1.1: the answer's, or else Postfix' own (dsn=)."
    ),
    Column(
        "text", _TEXT, "The answer of the other side, or the reason, with its codes; escapes are as the log has them."
    ),
    Column("host", _TEXT, "The host that wrote the line, where syslog names it."),
    Column("original_recipient", _TEXT, "The address as it came, where the final one is another."),
    Column("relay_address", _TEXT, "The IP address of the other host, or the path of a local socket."),
    Column("relay_port", pa.int32(), "The port of the other host."),
    Column(
        "tls",
        _TEXT,
        "How the connection was encrypted, in the server's own words; `none` where it was not, null where the line "
        "does not tell, as those of Exim's deferrals and those of Postfix before 3.11.",
    ),
    Column("delay", pa.float64(), "Seconds that the mail has been in the queue altogether."),
    Column("delays", _TEXT, "Postfix: seconds before, in, and after the queue, and sending (a/b/c/d). Exim: DT=."),
    Column("size", pa.int64(), "The size of the mail in bytes."),
    Column("subject", _TEXT, "The subject, where the server was told to log it, as the log has it."),
    Column("program", _TEXT, "The program that wrote the line, such as postfix/smtp or exim."),
    Column("pid", pa.int32(), "The process that wrote the line."),
    Column(
        "final",
        pa.bool_(),
        "Whether this is the last word on the recipient: true for a delivery or a bounce, false for a deferral.",
    ),
    Column("user", _TEXT, "Who handed the mail in: the name that signed in, or else the local user."),
    Column("helo", _TEXT, "The name by which the other host introduced itself; nobody verified it."),
    Column("recipients", pa.int32(), "How many recipients the mail has."),
    Column(
        "known", pa.bool_(), "Whether a rule knew the line; lines of other programs in the same log are known as such."
    ),
)


def typed(fields: Mapping[str, pa.Array], count: int) -> Sequence[pa.Array]:
    """Return an array for each column; what no field holds is null."""
    return [
        fields[column.name].cast(column.type) if column.name in fields else pa.nulls(count, column.type)
        for column in COLUMNS
    ]
