"""What lines of Postfix say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.sources.maillog.grammar.columns import typed
from mailevents_dagster.sources.maillog.grammar.pieces import SYSLOG_STAMP, answers, envelope_sender, finality, without
from mailevents_dagster.sources.maillog.grammar.postfix_rules import RULES
from mailevents_dagster.sources.maillog.grammar.rules import Rule, read, within_reach

_OWN_PROGRAMS: Final = (
    "^(?:.*/(?:anvil|bounce|cleanup|defer|discard|dnsblog|error|flush|lmtp|local|master|n?qmgr|oqmgr|pickup|pipe|postalias"
    "|postcat|postconf|postdrop|postfix|postfix-script|postkick|postlock|postlog|postlogd|postmap|postmulti|postqueue"
    "|postscreen|postsuper|proxymap|proxywrite|qmqpd|scache|sendmail|showq|smtp|smtpd|spawn|tlsmgr|tlsproxy|trace"
    "|trivial-rewrite|verify|virtual)|postfix|postfix-script)$"
)
"""Postfix' own programs behind the name of the instance; postfix/policy-spf, for one, is somebody else's."""

_HEADS: Final = tuple(
    Rule(rf"^{SYSLOG_STAMP} (?P<origin>\S+ [^\s:]+): {queued}(?P<body>.*)$")
    for queued in ("(?P<queue_id>[0-9A-F][0-9A-Za-z]{5,}|NOQUEUE): ", "")
)
"""Short queue ids are hexadecimal; long ones begin with the time, and so with a digit until the year 2090."""
_ORIGIN: Final = Rule(r"^(?P<host>\S+) (?P<program>[^\s\[]+)(?:\[(?P<pid>\d{1,9})\])?$")
_NO_QUEUE_IDS: Final = ("NOQUEUE", "Deleted", "Expired")
"""What stands where a queue id could be: mail that is in no queue yet, and what postsuper counts."""


def understand(lines: pa.StringArray) -> Sequence[pa.Array]:
    """Return what each line says, as the arrays of the columns."""
    head = read(within_reach(lines), _HEADS)
    origin = _origins(head["origin"])
    is_own = origin["is_own"]
    body = read(pc.if_else(is_own, head["body"], None), RULES)
    queue_id = pc.coalesce(body["queue_id"], pc.if_else(is_own, head["queue_id"], None))
    text = pc.coalesce(body["text"], _in_parentheses(body["reason"]))
    answer = answers(text)
    event = body["event"].fill_null("other")
    fields = {
        **body.fields,
        **origin,
        "event": event,
        "queue_id": pc.if_else(pc.is_in(queue_id, value_set=pa.array(_NO_QUEUE_IDS)), None, queue_id),
        "message_id": pc.coalesce(body["message_id"], body["bare_message_id"]),
        "sender": envelope_sender(body["from"]),
        "relay_host": without(body["relay_host"], "none"),
        "relay_address": without(body["relay_address"], "unknown"),
        "text": text,
        "code": answer["code"],
        "enhanced_code": pc.coalesce(answer["enhanced_code"], body["dsn"]),
        "final": finality(event),
        "known": pc.or_(body.known, pc.and_not(pc.is_valid(origin["program"]), is_own)),
    }
    return typed(fields, len(lines))


def _origins(written: pa.StringArray) -> dict[str, pa.Array]:
    """Return host, program and process of each line, and whether the program is Postfix'; few of them are different."""
    different = written.fill_null("").dictionary_encode()
    parts = read(different.dictionary, (_ORIGIN,))
    programs = parts["program"].fill_null("").dictionary_encode()
    is_own = pc.match_substring_regex(programs.dictionary, _OWN_PROGRAMS).take(programs.indices)
    columns = {"host": parts["host"], "program": parts["program"], "pid": parts["pid"], "is_own": is_own}
    return {name: values.take(different.indices) for name, values in columns.items()}


def _in_parentheses(reasons: pa.StringArray) -> pa.StringArray:
    """Return reasons without the parentheses around them; a line that was cut has no closing one."""
    is_whole = pc.ends_with(reasons, ")")
    return pc.if_else(is_whole, pc.utf8_slice_codeunits(reasons, 2, -1), pc.utf8_slice_codeunits(reasons, 2))
