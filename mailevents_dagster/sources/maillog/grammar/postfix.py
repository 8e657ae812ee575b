"""What lines of Postfix say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.sources.maillog.grammar.columns import typed
from mailevents_dagster.sources.maillog.grammar.pieces import answers, envelope_sender, finality, syslog_head, without
from mailevents_dagster.sources.maillog.grammar.postfix_rules import RULES
from mailevents_dagster.sources.maillog.grammar.rules import Rule, read, within_reach

_OWN_PROGRAMS: Final = (
    "^(?:.*/(?:anvil|bounce|cleanup|defer|discard|dnsblog|error|flush|lmtp|local|master|n?qmgr|oqmgr|pickup|pipe|postalias"
    "|postcat|postconf|postdrop|postfix|postfix-script|postkick|postlock|postlog|postlogd|postmap|postmulti|postqueue"
    "|postscreen|postsuper|proxymap|proxywrite|qmqpd|scache|sendmail|showq|smtp|smtpd|spawn|tlsmgr|tlsproxy|trace"
    "|trivial-rewrite|verify|virtual)|postfix|postfix-script)$"
)
"""Postfix' own programs behind the name of the instance; postfix/policy-spf, for one, is somebody else's."""

_HEAD: Final = Rule(syslog_head() + "(?P<body>.*)$")
_QUEUED: Final = tuple(
    Rule(rf"^(?P<queue_id>{form}): (?P<body>.*)$") for form in ("[0-9A-F]{6,}", "[0-9A-Za-z]{12,}", "NOQUEUE")
)
"""Short queue ids, long ones, and the word for a mail that is in no queue yet."""
_RELAY: Final = (
    Rule(r"^(?P<relay_host>[^\s\[]*)(?:\[(?P<relay_address>[^\]]*)\])?(?::(?P<relay_port>\d{1,5}))?$"),
    Rule("^(?P<relay_host>.*)$"),
)


def understand(lines: pa.StringArray) -> Sequence[pa.Array]:
    """Return what each line says, as the arrays of the columns."""
    head = read(within_reach(lines), (_HEAD,))
    is_own = _written_by_postfix(head["program"])
    words = pc.if_else(is_own, head["body"], pa.scalar(None, pa.string()))
    queued = read(words, _QUEUED)
    body = read(pc.coalesce(queued["body"], words), RULES)
    relay = read(body["relay"], _RELAY)
    text = pc.coalesce(body["text"], _in_parentheses(body["reason"]))
    answer = answers(text)
    event = body["event"].fill_null("other")
    fields = {
        **head.fields,
        **body.fields,
        "event": event,
        "queue_id": without(pc.coalesce(body["queue_id"], queued["queue_id"]), "NOQUEUE"),
        "message_id": pc.coalesce(body["message_id"], body["bare_message_id"]),
        "sender": envelope_sender(body["from"]),
        "relay_host": without(pc.coalesce(body["relay_host"], relay["relay_host"]), "none"),
        "relay_address": without(pc.coalesce(body["relay_address"], relay["relay_address"]), "unknown"),
        "relay_port": pc.coalesce(body["relay_port"], relay["relay_port"]),
        "text": text,
        "code": answer["code"],
        "enhanced_code": pc.coalesce(answer["enhanced_code"], body["dsn"]),
        "final": finality(event),
        "known": pc.or_(body.known, pc.and_not(head.known, is_own)),
    }
    return typed(fields, len(lines))


def _written_by_postfix(programs: pa.StringArray) -> pa.BooleanArray:
    names = programs.fill_null("").dictionary_encode()
    return pc.match_substring_regex(names.dictionary, _OWN_PROGRAMS).take(names.indices)


def _in_parentheses(reasons: pa.StringArray) -> pa.StringArray:
    """Return reasons without the parentheses around them; a line that was cut has no closing one."""
    is_whole = pc.ends_with(reasons, ")")
    return pc.if_else(is_whole, pc.utf8_slice_codeunits(reasons, 2, -1), pc.utf8_slice_codeunits(reasons, 2))
