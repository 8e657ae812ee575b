"""Bounces made of committed lines of a mail server's log: one for each recipient and attempt that failed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.failures.classifying import classify
from mailevents_dagster.sources.maillog.bounces.patterns import Pattern, Patterns
from mailevents_dagster.sources.maillog.bounces.pieces import Joined, joined_pieces

FAILED: Final = ("bounce", "deferral")
"""Events of lines that are bounces by themselves."""
ASKED: Final = ("rejection", "other")
"""Events of lines that are bounces where one of the operator's patterns matches them.

Not so arrivals, deliveries and completions: a subject or an address may read like any failure.
"""
BY_PATTERN: Final = "pattern"
"""The rule of a class that a pattern says."""

_TAKEN: Final = ("queue_id", "message_id", "sender", "relay_host", "relay_address", "tls", "host")
LINE_COLUMNS: Final = (
    "event_time",
    "event",
    "recipient",
    "original_recipient",
    "code",
    "enhanced_code",
    "text",
    *_TAKEN,
    "raw",
    "identity",
)
"""The columns of lines that bounces are made of."""


def bounce_rows(
    lines: pa.Table | pa.RecordBatch, server: str, patterns: Patterns | None, seen: Counter[bytes] | None = None
) -> Sequence[Mapping[str, object]]:
    """Return the bounces of lines in the order of their hour, with `event_time` and the columns.

    An hour that comes in parts is given the same `seen` with each: event ids count like lines.
    """
    raw = _texts(lines, "raw")
    pieces = joined_pieces(raw)
    chosen = _chosen(_texts(lines, "event"), raw, patterns, pieces)
    counted = Counter[bytes]() if seen is None else seen
    found = []
    for place, line in zip(chosen.to_pylist(), lines.select(LINE_COLUMNS).take(chosen).to_pylist(), strict=True):
        # Counted whether it is a bounce or not: like lines are looked at together, whatever the patterns are today.
        event_id = _event_id(server, line["identity"], counted[line["identity"]])
        counted[line["identity"]] += 1
        if row := _row(line, pieces.get(place, Joined()), patterns):
            found.append({**row, "event_id": event_id})
    return found


def _texts(lines: pa.Table | pa.RecordBatch, name: str) -> pa.Array:
    return pa.chunked_array(lines.column(name)).cast(pa.string()).combine_chunks()


def _chosen(events: pa.Array, raw: pa.Array, patterns: Patterns | None, pieces: Mapping[int, Joined]) -> pa.Array:
    """Return the places of lines that are, or may be, bounces. What follows a first piece is part of that."""
    places = pc.indices_nonzero(pc.is_in(events, pa.array(FAILED)))
    if patterns and patterns.patterns:
        asked = pc.indices_nonzero(pc.is_in(events, pa.array(ASKED)))
        may_match = asked.filter(patterns.candidates(raw.take(asked)))
        firsts = pa.array([place for place in pieces if events[place].as_py() in ASKED], places.type)
        places = pc.unique(pa.concat_arrays([places, may_match, firsts]))
    following = pa.array([row for joined in pieces.values() for row in joined.rows], places.type)
    places = places.filter(pc.invert(pc.is_in(places, following)))
    return places.take(pc.sort_indices(places))


def _row(line: Mapping[str, Any], following: Joined, patterns: Patterns | None) -> dict[str, object] | None:
    """Return the bounce that a line is; None where it is none."""
    pattern = patterns.first_match(line["raw"] + following.text) if patterns else None
    if pattern is None and line["event"] not in FAILED:
        return None
    text = (line["text"] or "") + following.text
    said = {name: line[name] for name in _TAKEN}
    return {
        "event_time": line["event_time"],
        "recipient": _address(line["recipient"], line["original_recipient"]),
        **_classes(line, text, pattern),
        "code": line["code"],
        "enhanced_code": line["enhanced_code"],
        "text": text or None,
        "pattern_id": pattern and pattern.id,
        "pattern_name": pattern and pattern.name,
        "event": line["event"],
        **said,
    }


def _classes(line: Mapping[str, Any], text: str, pattern: Pattern | None) -> dict[str, str]:
    if pattern and pattern.bounce_class:
        return {"class": pattern.bounce_class.value, "reason": "", "rule": BY_PATTERN}
    verdict = classify(line["code"], line["enhanced_code"], text)
    return {"class": verdict.bounce_class.value, "reason": verdict.reason.value, "rule": verdict.rule}


def _address(final: str | None, original: str | None) -> str | None:
    """Return the recipient; the original one where the final one is a local user without a domain."""
    return original if final and original and "@" not in final else final or original or None


def _event_id(server: str, identity: bytes, like_it: int) -> str:
    """Return the digest; parts are told apart by the NUL that no name has, and by the fixed length of an identity."""
    return hashlib.blake2b(b"%b\0%b%d" % (server.encode(), identity, like_it), digest_size=16).hexdigest()
