"""A day of a domain's answers for the report: what is in order, the numbers, the pictures."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any

from mailevents_dagster.deliverability.parts import PARTS
from mailevents_dagster.deliverability.stored import said_in
from mailevents_dagster.deliverability.wording import say
from mailevents_dagster.deliveries.mail.letter import Block, Heading, Paragraph, Table
from mailevents_dagster.model.day import Day
from mailevents_dagster.model.feed import readable_domain
from mailevents_dagster.store.layout import Layout
from mailevents_dagster.summaries.charts import data_uri, number
from mailevents_dagster.summaries.wording import Language


def sections(layout: Layout, domains: Iterable[str], day: Day, language: Language) -> Iterator[str]:
    """Yield a section for each domain of which anything is stored of the day."""
    for domain, found in _told(layout, domains, day):
        yield f"<section>\n<h2>{say('deliverability', language)}: {escape(readable_domain(domain))}</h2>"
        for name, said in found.items():
            yield from _part(name, said, language)
        yield "</section>"


def blocks(layout: Layout, domains: Iterable[str], day: Day, language: Language) -> Iterator[Block]:
    """Yield the same for a mail: what is not in order, and the numbers."""
    for domain, found in _told(layout, domains, day):
        yield Heading(f"{say('deliverability', language)}: {readable_domain(domain)}")
        for name, said in found.items():
            for check, verdict in said["verdicts"].items():
                if not verdict["passed"]:
                    how = say("wrong" if verdict["is_error"] else "look", language)
                    yield Paragraph(f"{say(check, language)}: {how}. {verdict['said']}", is_warning=True)
            rows = [(say(one, language), _value(value, language)) for one, value in _numbers(said)]
            yield Table(say(name, language), (say("what", language), say("count", language)), rows)


def _told(layout: Layout, domains: Iterable[str], day: Day) -> Iterator[tuple[str, Mapping[str, Mapping[str, Any]]]]:
    """Yield each domain of which anything is stored of the day, with what its parts said, by their names."""
    for domain in domains:
        if found := {part.name: said for part in PARTS if (said := said_in(layout, domain, part.name, day))}:
            yield domain, found


def _numbers(said: Mapping[str, Any]) -> list[tuple[str, float | bool]]:
    return [(name, value) for name, value in said["numbers"].items() if not isinstance(value, str)]


def _part(name: str, said: Mapping[str, Any], language: Language) -> Iterator[str]:
    yield f"<h3>{say(name, language)}</h3>"
    if chart := said.get("chart"):
        yield f'<figure><img alt="{say(name, language)}" src="{data_uri(b64decode(chart), "png")}"></figure>'
    for check, verdict in said["verdicts"].items():
        passed = verdict["passed"]
        how = "good" if passed else "wrong" if verdict["is_error"] else "look"
        # What a check found is said in English alone.
        found = "" if passed else f' <span lang="en">{escape(verdict["said"])}</span>'
        kind = "" if passed else ' class="missing"'
        yield f"<p{kind}>{say(check, language)}: <b>{say(how, language)}</b>.{found}</p>"
    rows = "".join(
        f'<tr><td>{say(one, language)}</td><td class="n">{escape(_value(value, language))}</td></tr>'
        for one, value in _numbers(said)
    )
    yield f"<table>\n<tbody>{rows}</tbody>\n</table>"


def _value(value: float | bool, language: Language) -> str:  # noqa: FBT001 - numbers of days may be yes or no
    return say("yes" if value else "no", language) if isinstance(value, bool) else number(value, language)
