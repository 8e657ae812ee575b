"""What lines of Exim say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.sources.maillog.grammar.columns import NOT_ENCRYPTED, typed
from mailevents_dagster.sources.maillog.grammar.exim_fields import addressees, seconds, tagged, unescaped
from mailevents_dagster.sources.maillog.grammar.exim_rules import RULES
from mailevents_dagster.sources.maillog.grammar.pieces import answers, envelope_sender, finality, syslog_head
from mailevents_dagster.sources.maillog.grammar.rules import Reading, Rule, read, within_reach

_STAMP: Final = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? (?:[+-]\d{4} )?"
_ID: Final = "(?P<queue_id>[0-9A-Za-z]{6}-[0-9A-Za-z]{6}(?:-[0-9A-Za-z]{2}|[0-9A-Za-z]{5}-[0-9A-Za-z]{4}))"
"""Message ids of 16 characters, and of 23 since Exim 4.97."""
_FIRST_PIECE: Final = r"(?:\[1[/\\]\d+\] )?"
_OWN_LOG: Final = tuple(
    Rule(rf"^{_STAMP}(?:\[(?P<pid>\d{{1,9}})\] )?{what}$") for what in (f"{_ID} (?P<body>.*)", "(?P<body>.*)")
)
_THROUGH_SYSLOG: Final = (
    Rule(
        syslog_head() + "(?P<rest>.*)$",
        then=(
            Rule(rf"^{_FIRST_PIECE}{_STAMP}(?:\[\d+\] )?{_ID} (?P<body>.*)$"),
            Rule(rf"^{_FIRST_PIECE}{_ID} (?P<body>.*)$"),
            Rule(rf"^{_FIRST_PIECE}{_STAMP}(?:\[\d+\] )?(?P<body>.*)$"),
        ),
    ),
    Rule(syslog_head(r"exim[^\s\[:]*") + rf"{_FIRST_PIECE}(?P<body>.*)$"),
)
_OTHER_PROGRAM: Final = Rule(syslog_head())
_HEADS: Final = (*_OWN_LOG, *_THROUGH_SYSLOG, _OTHER_PROGRAM)


def understand(lines: pa.StringArray) -> Sequence[pa.Array]:
    """Return what each line says, as the arrays of the columns."""
    head = read(within_reach(lines), _HEADS)
    is_own = pc.is_valid(head["body"])
    body = read(head["body"], RULES)
    event = body["event"].fill_null("other")
    tags = tagged(body)
    text = pc.coalesce(_reason(body), _where(event, "delivery", tags["words"]))
    answer = answers(text)
    original = pc.coalesce(body["original_recipient"], body["handed_for"], body["quoted_original"])
    fields = {
        **body.fields,
        **tags.fields,
        **head.fields,
        "event": event,
        "sender": envelope_sender(pc.coalesce(body["from"], tags["from"])),
        "recipient": pc.coalesce(body["recipient"], body["spaced"], original, body["bare_recipient"]),
        "original_recipient": original,
        "relay_host": pc.coalesce(tags["relay_host"], answer["relay_host"]),
        "relay_address": pc.coalesce(tags["relay_address"], body["relay_address"], answer["relay_address"]),
        "relay_port": pc.coalesce(tags["relay_port"], body["relay_port"]),
        "code": answer["code"],
        "enhanced_code": answer["enhanced_code"],
        "text": text,
        "tls": pc.coalesce(tags["tls"], _plain(event, tags["relay_address"])),
        "delay": seconds(tags["queue_time"]),
        "subject": unescaped(_where(event, "arrival", tags["words"])),
        "program": pc.if_else(is_own, pc.coalesce(head["program"], pa.scalar("exim")), head["program"]),
        "final": finality(event),
        "user": pc.coalesce(tags["user"], tags["local_user"]),
        "recipients": addressees(tags["addressees"]),
        "known": pc.or_(body.known, pc.and_not(head.known, is_own)),
    }
    return typed(fields, len(lines))


def _where(events: pa.StringArray, event: str, values: pa.StringArray) -> pa.StringArray:
    """Return the values of one kind of event only."""
    return pc.if_else(pc.equal(events, event), values, pa.scalar(None, pa.string()))


def _plain(events: pa.StringArray, hosts: pa.StringArray) -> pa.StringArray:
    """Return NOT_ENCRYPTED where a host is named by lines that tell how a connection was encrypted.

    Exim names no encryption on a line of a deferral, whatever there was.
    """
    tells = pc.and_(pc.is_in(events, value_set=pa.array(["delivery", "bounce"])), pc.is_valid(hosts))
    return pc.if_else(tells, pa.scalar(NOT_ENCRYPTED), pa.scalar(None, pa.string()))


def _reason(body: Reading) -> pa.StringArray:
    """Return why a mail was not delivered; a deferral may tell the error of the operating system first."""
    error, text = body["error"], body["text"]
    both = pc.binary_join_element_wise(error, text.fill_null(""), ": ")
    return pc.if_else(pc.is_valid(text), pc.coalesce(both, text), error)
