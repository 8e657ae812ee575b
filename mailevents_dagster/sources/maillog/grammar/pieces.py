"""Pieces of patterns that both grammars are made of, and fields that both read alike."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.sources.maillog.grammar.rules import Reading, Rule, read

QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
ADDRESS: Final = rf"(?:{QUOTED}[^>]*|[^\">][^>]*)?"
"""What stands between < and >; only a quoted local part may hold a > itself."""

SYSLOG_STAMP: Final = (
    r"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?"
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)"
)


def syslog_head(program: str = r"[^\s\[:]+") -> str:
    """Return the pattern of what syslog, or Postfix' own logger, writes before a program's words."""
    return rf"^{SYSLOG_STAMP} (?P<host>\S+) (?P<program>{program})(?:\[(?P<pid>\d{{1,9}})\])?: "


_ENHANCED: Final = r"(?P<enhanced_code>[245]\.\d{1,3}\.\d{1,3})(?:[^\w.]|\.(?:\D|$)|$)"
_CODE: Final = r"(?P<code>[2-5]\d\d)"
_BEFORE: Final = (
    "(?:said: |talk to me: |was: |(?:SMTP|LMTP|PRDR) error (?:from remote mail(?:er| server) )?after "
    rf"(?:[A-Za-z ]+:<{ADDRESS}>[^:]*|[^:<]*): (?:host (?P<relay_host>\S+) \[(?P<relay_address>[^\]]*)\]: )?)"
)
_ANSWERS: Final = (
    Rule(rf"^{_CODE}[ -]#?{_ENHANCED}"),
    Rule(rf"^{_CODE}(?:[ -]|$)"),
    Rule(rf"^{_ENHANCED}"),
    Rule(rf"{_BEFORE}{_CODE}(?:[ -]#?{_ENHANCED}|[ -]|$)"),
)
"""A code counts where an answer begins, and nowhere else in a text."""


def answers(texts: pa.StringArray) -> Reading:
    """Return the code and the enhanced code of the answers in these texts."""
    return read(texts, _ANSWERS)


def envelope_sender(written: pa.StringArray) -> pa.StringArray:
    """Return senders without their brackets: <> is the null sender, which is empty."""
    bare = pc.utf8_slice_codeunits(written, 1, -1)
    return pc.if_else(pc.starts_with(written, "<"), bare, written)


def without(values: pa.StringArray, word: str) -> pa.StringArray:
    """Return the values with null for a word that means that there is none."""
    return pc.if_else(pc.equal(values, word), pa.scalar(None, pa.string()), values)


def finality(events: pa.StringArray) -> pa.BooleanArray:
    """Return whether an event is the last word on its recipient; null for what says nothing of that."""
    last = pc.is_in(events, value_set=pa.array(["delivery", "bounce"]))
    return pc.if_else(pc.or_(last, pc.equal(events, "deferral")), last, pa.scalar(None, pa.bool_()))
