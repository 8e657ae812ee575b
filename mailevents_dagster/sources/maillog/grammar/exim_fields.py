"""The tagged fields of Exim's lines: H=, S=, id= and their like, each wherever it stands."""

from __future__ import annotations

import re
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.sources.maillog.grammar.pieces import ADDRESS, QUOTED
from mailevents_dagster.sources.maillog.grammar.rules import Reading, Rule, read

_HOST: Final = tuple(
    Rule(
        rf" H=(?:(?P<relay_host>[^\s(\[]\S*) (?:DS )?)?(?:\((?P<helo>{helo})\) )?"
        r"\[(?P<relay_address>[^\]\s]*)\](?::(?P<relay_port>\d{1,5}))?"
    )
    for helo in (r"[^()]*", ".*?")
)
"""The verified name, the name the client gave in parentheses, the address: only the last can be relied on."""
_SENDER: Final = Rule(rf" F=(?P<from><{ADDRESS}>)")
_ALWAYS: Final = (_HOST, (Rule(r" X=(?P<tls>\S+)"),))
_INCOMING: Final = (
    (Rule(r" S=(?P<size>\d{1,18}) "),),
    (Rule(r" id\*?=(?P<message_id>\S+)"),),
    (Rule(r" A=[^\s:]+:(?P<user>[^\s:]+)"),),
    (Rule(r" U=(?P<local_user>\S+)"),),
)
_OUTGOING: Final = ((Rule(r" QT=(?P<queue_time>\S+)"),), (Rule(r" DT=(?P<delays>\S+)"),))

_TOLD: Final = r'"(?P<words>(?:[^"\\]|\\.)*)"(?P<after>%s)$'
_ONE_QUOTED: Final = (Rule("^" + _TOLD % '[^"]*'),)
_SEVERAL_QUOTED: Final = (Rule("^(?P<before>.*? [CT]=)" + _TOLD % ".*"), Rule("^(?P<before>.*)$"))
_LISTED: Final = r"(?: from <[^>]*>)? for (?P<addressees>.*)$"
_ADDRESSEE: Final = rf'(?:{QUOTED}|[^\s"])+'

_UNITS: Final = {"y": 31_536_000, "w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}
_INTERVAL: Final = Rule("^" + "".join(rf"(?:(?P<{unit}>\d{{1,9}}(?:\.\d{{1,9}})?){unit})?" for unit in _UNITS) + "$")

_ESCAPE: Final = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_LETTERS: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"v": b"\v", b"f": b"\f"}


def tagged(body: Reading) -> Reading:
    """Return the tagged fields of lines, and the words in quotes behind C= or T=. In those, nothing is looked for."""
    words, fields, senders = _apart(body)
    is_incoming = pc.is_in(body["event"], value_set=pa.array(["arrival", "rejection"]))
    listed = read(pc.if_else(is_incoming, fields, None), (Rule(_LISTED),))
    if listed.known.true_count:
        fields = pc.replace_substring_regex(fields, _LISTED.replace("?P<addressees>", ""), " ")
    incoming, outgoing = pc.if_else(is_incoming, fields, None), pc.if_else(is_incoming, None, fields)
    parts = ((fields, _ALWAYS), (incoming, _INCOMING), (outgoing, _OUTGOING))
    readings = [listed, *(read(part, rules) for part, tags in parts for rules in tags)]
    found = {name: values for reading in readings for name, values in reading.fields.items()}
    return Reading(body.count, body.known, {**found, "words": words, "from": senders})


def _apart(body: Reading) -> tuple[pa.StringArray, pa.StringArray, pa.StringArray]:
    """Return the words in quotes behind C= or T=, the fields without anything in quotes, and the sender in them."""
    fields, quoted = body["fields"], body["quoted"].fill_null("")
    one = read(quoted, _ONE_QUOTED)
    is_plain = pc.and_(one.known, pc.match_substring_regex(fields.fill_null(""), " [CT]=$"))
    several = pc.or_(pc.is_valid(body["whole"]), pc.and_not(pc.not_equal(quoted, ""), is_plain))
    bare = _joined(fields, body["reached"].fill_null(""), one["after"].fill_null(""))
    senders = read(bare, (_SENDER,))["from"]
    if not several.true_count:
        return one["words"], bare, senders
    whole = pc.if_else(several, pc.coalesce(body["whole"], _joined(fields, quoted)), None)
    many = read(_joined(whole), _SEVERAL_QUOTED)
    rest = _joined(*(pc.replace_substring_regex(many[name].fill_null(""), QUOTED, "") for name in ("before", "after")))
    return (
        pc.if_else(several, many["words"], one["words"]),
        pc.if_else(several, rest, bare),
        pc.if_else(several, read(_joined(whole), (_SENDER,))["from"], senders),
    )


def _joined(*parts: pa.StringArray) -> pa.StringArray:
    """Return the parts of each line as one text, with a space before the first field and one behind the last."""
    return pc.binary_join_element_wise(" ", *parts, " ", "")


def seconds(intervals: pa.StringArray) -> pa.DoubleArray:
    """Return intervals such as 1d2h3m or 0.304s as seconds."""
    units = read(intervals, (_INTERVAL,))
    if not units.fields:
        return pa.nulls(len(intervals), pa.float64())
    total = pa.scalar(0.0)
    for unit, factor in _UNITS.items():
        total = pc.add(total, pc.multiply(units[unit].cast(pa.float64()).fill_null(0.0), float(factor)))
    return pc.if_else(units.known, total, pa.scalar(None, pa.float64()))


def addressees(listed: pa.StringArray) -> pa.Int32Array:
    """Return how many addresses are listed."""
    return pc.count_substring_regex(listed, _ADDRESSEE)


def unescaped(texts: pa.StringArray) -> pa.StringArray:
    """Return texts without Exim's escapes, which stand for all that is not ASCII; what is no UTF-8 then keeps them."""
    is_escaped = pc.match_substring(texts, "\\").fill_null(fill_value=False)
    if not is_escaped.true_count:
        return texts
    plain = [_plain(text) for text in texts.filter(is_escaped).to_pylist()]
    return pc.replace_with_mask(texts, is_escaped, pa.array(plain, pa.string()))


def _plain(text: str) -> str:
    try:
        return _ESCAPE.sub(_escaped, text.encode()).decode()
    except (UnicodeDecodeError, ValueError):
        return text


def _escaped(found: re.Match[bytes]) -> bytes:
    what = found[1]
    return bytes([int(what, 8)]) if len(what) == 3 else _LETTERS.get(what, what)
