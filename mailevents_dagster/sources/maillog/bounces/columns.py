"""The columns of bounces, beside the time and the line itself."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from mailevents_dagster.model.columns import Column

_TEXT: Final = pa.string()

COLUMNS: Final[tuple[Column, ...]] = (
    Column("recipient", _TEXT, "The address that was not reached, as the log names it; null where the line has none."),
    Column(
        "class", _TEXT, "hard: no such address. soft: may work another time. policy: sender or content refused. other."
    ),
    Column("reason", _TEXT, "What was refused of the sender: reputation, content, authentication or rule; else empty."),
    Column("rule", _TEXT, "The rule that says the class; `pattern` where the operator's pattern does."),
    Column("code", pa.int16(), "The SMTP reply code of the answer, such as 550."),
    Column("enhanced_code", _TEXT, "The enhanced status code of the answer, such as 5.1.1."),
    Column("text", _TEXT, "The answer, or the reason that the mail server gives; pieces of a cut line joined."),
    Column(
        "pattern_id", _TEXT, "The number of the operator's first pattern that matches the line; null where none does."
    ),
    Column("pattern_name", _TEXT, "The name of that pattern."),
    Column("event", _TEXT, "What the line tells: bounce, deferral; rejection or other where a pattern matches it."),
    Column("queue_id", _TEXT, "The id of the mail in the server's queue; ids come again after some time."),
    Column("message_id", _TEXT, "The Message-ID of the mail, where the line has it."),
    Column("sender", _TEXT, "The envelope sender, where the line has it; empty for the null sender."),
    Column("relay_host", _TEXT, "The host that refused the mail, where the line has it."),
    Column("relay_address", _TEXT, "Its IP address, where the line has it."),
    Column("tls", _TEXT, "How the connection was encrypted, as in the columns of lines; null where that is not told."),
    Column("host", _TEXT, "The host that wrote the line, where syslog names it."),
    Column(
        "event_id", _TEXT, "Names the event for ever: follows from server, line, and like lines before it in its hour."
    ),
)
