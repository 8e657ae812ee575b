"""Streams: mails of one purpose, by the operator's patterns. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import translate
from typing import Final

import pyarrow as pa

from mailevents_dagster.sources.outcomes.settings.warmup import StreamSettings

OTHER: Final = ""
"""Mails that no pattern means."""


def streams_of(senders: pa.ChunkedArray, subjects: pa.ChunkedArray, streams: Sequence[StreamSettings]) -> pa.Array:
    """Return the name of the first stream that means each mail."""
    if not streams:
        return pa.array([OTHER] * len(senders), pa.string())
    patterns = [(stream.name, _pattern(stream.senders), _pattern(stream.subjects)) for stream in streams]
    seen: dict[tuple[str, str], str] = {}
    pairs = zip(senders.to_pylist(), subjects.to_pylist(), strict=True)
    return pa.array([_stream((who or "", what or ""), patterns, seen) for who, what in pairs], pa.string())


def _pattern(written: Iterable[str]) -> re.Pattern[str] | None:
    parts = [translate(one.lower()) for one in written]
    return re.compile("|".join(parts), re.DOTALL) if parts else None


def _stream(
    pair: tuple[str, str],
    patterns: Sequence[tuple[str, re.Pattern[str] | None, re.Pattern[str] | None]],
    seen: dict[tuple[str, str], str],
) -> str:
    if pair not in seen:
        who, what = (text.lower() for text in pair)
        means = (name for name, by_who, by_what in patterns if _is_meant(by_who, who) or _is_meant(by_what, what))
        seen[pair] = next(means, OTHER)
    return seen[pair]


def _is_meant(pattern: re.Pattern[str] | None, text: str) -> bool:
    return pattern is not None and pattern.match(text) is not None


def shared(rows: Sequence[Mapping[str, object]], streams: Sequence[StreamSettings]) -> Iterator[tuple[str, str]]:
    """Yield each sending address and sender domain that mails of both kinds leave by."""
    kinds = {stream.name: stream.kind for stream in streams}
    found: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        if kind := kinds.get(str(row["stream"])):
            found.setdefault((str(row["sent_by"]), str(row["sender_domain"])), set()).add(kind)
    yield from (place for place, of_place in found.items() if len(of_place) > 1)
