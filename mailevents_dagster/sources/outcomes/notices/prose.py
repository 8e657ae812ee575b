"""What a notice says in a text for people: recipients, and the reason of each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from mailevents_dagster.failures.replies import reply_in
from mailevents_dagster.sources.outcomes.notices.addresses import address_in
from mailevents_dagster.sources.outcomes.notices.forms import (
    FORMS,
    OTHER_ADDRESS,
    OTHER_ADDRESS_BELOW,
    OTHER_LABEL,
    PLAIN_LABEL,
    RECIPIENT_LABEL,
    RETURNED,
    RETURNED_HEADER,
)
from mailevents_dagster.sources.outcomes.notices.phrases import FAILED_TEXT

_LONGEST_TEXT: Final = 2**16
_LONGEST_LINE: Final = 1_000
_LONGEST_REASON: Final = 2_000
_MOST_LINES: Final = 30
_MOST_HITS: Final = 2_000
_MOST_TIMES: Final = 20
"""How often a recipient is looked at."""
_ALIAS_WITHIN: Final = 2
"""Lines behind a recipient where it may stand what it was made from."""
_HEADING: Final = re.compile(
    r">?[-=_*#]{3,}.*|[-=_*#]{2,} .* [-=_*#]{2,}|\.\.\. while talking to .*|(?:sent )?>>> .*|[\d:. ]*--> .*",
    re.IGNORECASE,
)
_ANSWER: Final = re.compile(r"^(?:received )?<<< ?|^[\d:. ]*<-- ?", re.IGNORECASE)
_MANY_BLANKS: Final = re.compile(r"\n(?:[ \t]*\n){3,}")
_QUOTED: Final = re.compile(r"[ \t]*>(?!>>)")


@dataclass(frozen=True, slots=True)
class Said:
    """A recipient that a text names, and what it says of it."""

    recipient: str
    reason: str = ""
    final: str | None = None
    """What an alias made of the recipient."""
    is_sure: bool = True
    """Nothing else is written as this recipient is; a sentence may be about anything."""


@dataclass(frozen=True)
class Prose:
    """A text for people: its lines before the mail that comes back, and that."""

    lines: Sequence[str]
    returned: str = ""

    @cached_property
    def text(self) -> str:
        """The beginning of it on one line."""
        return _joined(self.lines)[:_LONGEST_REASON]


@dataclass(frozen=True, slots=True)
class _Hit:
    line: int
    said: Said
    is_alias: bool = False
    label: str = ""
    """What stands before the recipient, where it says what is wrong."""


def prose_of(text: str) -> Prose:
    """Return the text without what it quotes, and the mail that comes back behind it."""
    text = _MANY_BLANKS.sub("\n\n\n", _beginning(text))
    title = RETURNED.search(text)
    header = RETURNED_HEADER.search(text)
    if title and not (header and header.start() < title.start() and _says_something(text[: header.start()])):
        return Prose(_lines(text[: title.start()]), text[title.end() :].lstrip())
    if header and _says_something(text[: header.start()]):
        return Prose(_lines(text[: header.start()]), text[header.start() :])
    return Prose(_lines(text))


def _beginning(text: str) -> str:
    """Return the lines that are read, whole ones: half an address is another one."""
    lines, newline, _ = text[:_LONGEST_TEXT].rpartition("\n")
    return lines if newline and len(text) > _LONGEST_TEXT else text[:_LONGEST_TEXT]


def _says_something(text: str) -> bool:
    return bool(text.strip()) and bool(FAILED_TEXT.search(text) or next(_hits(_lines(text)), None))


def _lines(text: str) -> list[str]:
    """Return the lines with single spaces, without those that somebody quoted."""
    return [" ".join(line[:_LONGEST_LINE].split()) for line in text.split("\n") if not _QUOTED.match(line)]


def said_in(prose: Prose, others: Iterable[str]) -> list[Said]:
    """Return each recipient that the text names, once; `others` are no recipients unless nobody else is named."""
    hits = [*_hits(prose.lines)]
    hits = [hit for hit in hits if hit.said.is_sure] or hits
    avoided = {address.lower() for address in others}
    hits = [hit for hit in hits if hit.said.recipient.lower() not in avoided] or hits
    return _merged(_by_first_name(hits), prose.lines)


def _by_first_name(hits: Sequence[_Hit]) -> list[_Hit]:
    """Return the hits, those of the address behind an alias under the alias: it failed once, not twice."""
    aliases = {hit.said.final.lower(): hit.said for hit in hits if hit.said.final}
    return [
        replace(hit, said=replace(alias, reason=hit.said.reason))
        if (alias := aliases.get(hit.said.recipient.lower())) and not hit.said.final
        else hit
        for hit in hits
    ]


def _merged(hits: Sequence[_Hit], lines: Sequence[str]) -> list[Said]:
    reasons: dict[str, list[Said]] = {}
    ends = _ends(hits, len(lines))
    for hit, end in zip(hits, ends, strict=True):
        reason = _reason(hit, lines[hit.line + 1 : end])
        said = replace(hit.said, reason=reason)
        reasons.setdefault(hit.said.recipient.lower(), []).append(said)
    merged = [_best(said) for said in reasons.values()]
    if len(merged) == 1 and not _has_reply(merged[0].reason):
        merged = [_with_any_reason(merged[0], hits, lines)]
    elif any(said.reason for said in merged):
        return merged
    first = _first_reply(lines)
    return [said if said.reason else replace(said, reason=first) for said in merged]


def _ends(hits: Sequence[_Hit], last: int) -> list[int]:
    """Return for each hit the line of the next other recipient; its own may stand in its reason once more."""
    ends: list[int] = []
    end, recipient, own_end = last, "", last
    for hit in reversed(hits):
        if hit.said.recipient.lower() != recipient:
            end, recipient = own_end, hit.said.recipient.lower()
        ends.insert(0, end)
        own_end = hit.line
    return ends


def _best(said: Sequence[Said]) -> Said:
    """Return the first with a reply of a server, or else with a reason; aliases are taken from any."""
    best = next((one for one in said if _has_reply(one.reason)), None) or next(
        (one for one in said if one.reason), said[0]
    )
    return replace(said[0], reason=best.reason, final=next((one.final for one in said if one.final), None))


def _has_reply(reason: str) -> bool:
    reply = reply_in(reason)
    return reply.code is not None or reply.enhanced is not None


def _reason(hit: _Hit, following: Sequence[str]) -> str:
    """Return what is said behind a recipient, up to a blank line; behind a sentence, the next paragraph, too."""
    taken = [hit.said.reason] if hit.said.reason else []
    blanks = 0
    for line in following[:_MOST_LINES]:
        if line:
            taken.append(line)
        elif not (taken and taken[-1].endswith((":", "："))):
            blanks += 1
            if blanks > (2 if hit.said.is_sure else 1) or (hit.said.is_sure and _joined(taken)):
                break
    return (_joined(taken) or hit.label)[:_LONGEST_REASON]


def _with_any_reason(said: Said, hits: Sequence[_Hit], lines: Sequence[str]) -> Said:
    """Return the only recipient with the first reply in the text, or else with what stands before it."""
    reply = _first_reply(lines)
    if reply or said.reason:
        return replace(said, reason=reply or said.reason)
    before: list[str] = []
    for line in reversed(lines[max(0, hits[0].line - 5) : hits[0].line]):
        if not line or line.endswith((":", "：")):
            break
        before.insert(0, line)
    return replace(said, reason=_joined(before))


def _first_reply(lines: Sequence[str]) -> str:
    """Return the first paragraph of the text that begins with, or holds, a reply of a server, from its line on."""
    for place, line in enumerate(lines):
        if _has_reply(_joined([line])):
            return _joined(_paragraph(lines[place:]))[:_LONGEST_REASON]
    return ""


def _paragraph(lines: Sequence[str]) -> list[str]:
    end = next((place for place, line in enumerate(lines) if not line), len(lines))
    return [*lines[: min(end, _MOST_LINES)]]


def _joined(lines: Iterable[str]) -> str:
    """Return lines as one, without headings and without what the server itself said in a conversation."""
    words = (_ANSWER.sub("", line, count=1) for line in lines if line and not _HEADING.fullmatch(line))
    return " ".join(words).strip()


def _hits(lines: Sequence[str]) -> Iterator[_Hit]:
    """Yield the lines that name recipients, with the first form that each has."""
    count = 0
    named = Counter[str]()
    held: _Hit | None = None
    for place, line in enumerate(lines):
        if "@" not in line:
            continue
        hit = _hit(place, lines)
        if hit is None:
            continue
        named[hit.said.recipient] += 1
        if named[hit.said.recipient] > _MOST_TIMES:
            continue
        if held and hit.is_alias and place - held.line <= _ALIAS_WITHIN:
            hit = replace(held, said=Said(hit.said.recipient, held.said.reason, held.said.recipient))
        elif held:
            yield held
            count += 1
        held = hit
        if count == _MOST_HITS:
            return
    if held:
        yield held


def _hit(place: int, lines: Sequence[str]) -> _Hit | None:
    line, before = lines[place], next((lines[at] for at in (place - 1, place - 2) if at >= 0 and lines[at]), "")
    if address_in(line) is None:
        return None
    for form in FORMS:
        found = form.pattern.search(line)
        if not found:
            continue
        named = found.groupdict()
        label = named.get("label") or ""
        if label and (OTHER_LABEL.search(label) or not RECIPIENT_LABEL.search(label)):
            continue
        is_alias = form.is_alias or named.get("final") is not None
        if not is_alias and _is_other(line[: found.start("a")], before):
            return None
        if not form.is_sure and not FAILED_TEXT.search(" ".join(lines[max(0, place - 2) : place + 2])):
            continue
        said = Said(named["a"], named["reason"] or "", named.get("final"), form.is_sure)
        return _Hit(place, said, form.is_alias, "" if PLAIN_LABEL.fullmatch(label) else label)
    return None


def _is_other(start: str, before: str) -> bool:
    """Return whether the words before an address say that it is no recipient."""
    begins = not start.strip(" \t<>*-([\"'")
    return bool(OTHER_ADDRESS.search(start) or (begins and OTHER_ADDRESS_BELOW.search(before)))
