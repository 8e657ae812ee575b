"""What lines of mail servers' logs tell, in the words of notices. Exim's and Postfix's lines may stand side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from mailevents_dagster.sources.maillog.grammar import exim, postfix
from mailevents_dagster.sources.maillog.grammar.columns import COLUMNS
from mailevents_dagster.sources.outcomes.notices.notice import Notice, NoticeKind, Original
from mailevents_dagster.sources.outcomes.notices.verdicts import failed

_KINDS: Final = {
    "bounce": NoticeKind.BOUNCE,
    "deferral": NoticeKind.DEFERRAL,
    "delivery": NoticeKind.RECEIPT,
}
_NAMES: Final = (
    *("event", "recipient", "original_recipient", "message_id", "sender"),
    *("code", "enhanced_code", "text", "relay_host", "host"),
)
_PLACES: Final = {name: [column.name for column in COLUMNS].index(name) for name in _NAMES}

Line = Mapping[str, Any]


def notices_in_lines(lines: Sequence[str]) -> Iterator[Notice]:
    """Yield what each line tells; of one that tells no outcome its kind is none."""
    texts = pa.array(lines, pa.string())
    for by_exim, by_postfix in zip(_rows(exim.understand(texts)), _rows(postfix.understand(texts)), strict=True):
        yield _notice(by_exim if by_exim["event"] in _KINDS else by_postfix)


def _rows(columns: Sequence[pa.Array]) -> Iterator[Line]:
    values = (columns[place].to_pylist() for place in _PLACES.values())
    return (dict(zip(_PLACES, row, strict=True)) for row in zip(*values, strict=True))


def _notice(line: Line) -> Notice:
    kind = _KINDS.get(line["event"], NoticeKind.NONE)
    if kind is NoticeKind.NONE:
        return Notice(kind)
    final, original = line["recipient"], line["original_recipient"]
    notice = Notice(
        kind,
        recipient=original if original and "@" in original else final or original,
        rule="log-line",
        action="delivered" if kind is NoticeKind.RECEIPT else None,
        code=line["code"],
        enhanced_code=line["enhanced_code"],
        text=line["text"],
        final_recipient=final,
        original_recipient=original,
        remote_host=line["relay_host"],
        reporting_host=line["host"],
        original=Original(message_id=line["message_id"], sender=line["sender"]),
    )
    if kind is NoticeKind.RECEIPT:
        return notice
    return failed(notice, notice.code, notice.enhanced_code, notice.text or "")
