"""What is other than the day before, in words. What could not be asked has not changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from mailevents_dagster.deliverability.answers import Answer, Question
from mailevents_dagster.deliverability.posture.mta_sts import POLICY
from mailevents_dagster.deliverability.posture.spf_record import is_spf, written
from mailevents_dagster.deliverability.posture.starttls import STARTTLS
from mailevents_dagster.deliverability.posture.tags import tags_of
from mailevents_dagster.deliverability.quoting import LONGEST, quoted
from mailevents_dagster.files.printable import counted

_NAMED: Final = (("_dmarc.", "DMARC"), ("_mta-sts.", "MTA-STS"), ("_smtp._tls.", "TLS-RPT"), ("default._bimi.", "BIMI"))
_KINDS: Final = {POLICY: "MTA-STS policy", STARTTLS: "Certificate", "DS": "DNSSEC", "PTR": "PTR", "MX": "MX"}
_TAGGED: Final = ("DMARC", "DKIM", "MTA-STS", "TLS-RPT", "BIMI")


def changes(
    domain: str, before: Mapping[Question, Answer], today: Mapping[Question, Answer]
) -> Iterator[tuple[Question, str]]:
    """Yield what changed of the domain's own; a question that was not asked on both days says nothing."""
    for question in sorted(today.keys() & before.keys()):
        if not _is_own(question, domain):
            continue
        old, new = before[question], today[question]
        if new.is_unasked or new.kept_from or old.is_unasked or old.records == new.records:
            continue
        yield from ((question, text) for text in _of_question(question, old, new))


def _is_own(question: Question, domain: str) -> bool:
    """Return whether something is the domain's: what providers have changes often, and is not to be mended here."""
    own = (f".{domain}", f".{domain}._report._dmarc.")
    return question.kind == "PTR" or f".{question.name}".endswith(own[0]) or f".{question.name}".startswith(own[1])


def topic_of(question: Question) -> str:
    """Return what people call the thing that is asked for."""
    name = question.name
    if question.kind == "TXT" and "._domainkey." in name:
        return "DKIM"
    if question.kind == "TXT" and "._report._dmarc." in name:
        return "Reports"
    return next((topic for start, topic in _NAMED if name.startswith(start)), _KINDS.get(question.kind, question.kind))


def _of_question(question: Question, old: Answer, new: Answer) -> Iterator[str]:
    topic, where = topic_of(question), f" of {question.name}"
    if topic == "TXT":
        yield from _of_spf(where, old.records, new.records)
        others = [[text for text in one.records if not is_spf(text)] for one in (old, new)]
        yield from (f"TXT{where}: {text}" for text in _gone_and_new(*others))
    elif topic in _TAGGED and len(old.records) == len(new.records) == 1:
        yield from (f"{topic}{where}: {text}" for text in _of_tags(old.records[0], new.records[0]))
    elif topic in _TAGGED:
        yield f"{topic}{where}: {counted(len(old.records), 'record')} before, {counted(len(new.records), 'record')} now"
    else:
        lines = [[line for record in one.records for line in record.splitlines()] for one in (old, new)]
        yield from (f"{topic}{where}: {text}" for text in _gone_and_new(*lines))


def _of_spf(where: str, old: Iterable[str], new: Iterable[str]) -> Iterator[str]:
    before, now = ([text for text in records if is_spf(text)] for records in (old, new))
    if len(before) == len(now) == 1:
        terms = [[*written(before[0])], [*written(now[0])]]
        yield from (f"SPF{where}: {text}" for text in _gone_and_new(*terms))
        if before != now and sorted(terms[0]) == sorted(terms[1]):
            yield f"SPF{where}: its terms stand in another order"
    elif before != now:
        yield f"SPF{where}: {counted(len(before), 'record')} before, {counted(len(now), 'record')} now"


def _of_tags(old: str, new: str) -> Iterator[str]:
    before, now = tags_of(old).values, tags_of(new).values
    for tag in dict.fromkeys((*before, *now)):
        was, value = before.get(tag), now.get(tag)
        if was == value:
            continue
        if value is None:
            yield f"{quoted(tag)} is gone"
        elif not _can_be_shown(was or "") or not _can_be_shown(value):
            yield f"{quoted(tag)} is {'new' if was is None else 'another'}"
        else:
            new = quoted(f"{tag}={value}")
            yield f"{new} is new" if was is None else f"{new}, and was {quoted(was)}"


def _can_be_shown(value: str) -> bool:
    """Return whether a value is short and holds no address: those of people stand in no message."""
    return "@" not in value and len(value) <= LONGEST


def _gone_and_new(old: Iterable[str], new: Iterable[str]) -> Iterator[str]:
    before, now = dict.fromkeys(old), dict.fromkeys(new)
    yield from (f"{quoted(one)} is gone" for one in before if one not in now)
    yield from (f"{quoted(one)} is new" for one in now if one not in before)
