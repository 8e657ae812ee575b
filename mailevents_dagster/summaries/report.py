"""A day on one page: HTML that needs nothing else, with the charts and tables of the summaries. Pure.

It names users and addresses only if they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa

from mailevents_dagster.model.day import Day
from mailevents_dagster.model.feed import readable_domain
from mailevents_dagster.sources.statuses import CLASSES
from mailevents_dagster.summaries import server_bounces, sign_ins
from mailevents_dagster.summaries.charts import CHARTS, data_uri, number, svg
from mailevents_dagster.summaries.counts import HOURS, HOURS_KEPT, by, total
from mailevents_dagster.summaries.kinds import KINDS, SummaryKind
from mailevents_dagster.summaries.wording import Language, say, say_key, say_reason

TOP: Final = 10
TOP_USERS: Final = 25
TABLES: Final[Mapping[str, Sequence[tuple[str, int]]]] = {
    "deliverability": (("sender_domain", TOP), ("recipient_domain", TOP)),
    "quarantine": (("reason", TOP),),
    "sign_ins": tuple((measure, TOP_USERS) for measure in sign_ins.PERSONAL),
    "server_bounces": tuple((measure, TOP) for measure in server_bounces.TABLES),
}
"""Measures of each summary that have a table of their own, and the most rows it has."""
STYLE: Final = """
:root { color-scheme: light dark; --ink: #1d2127; --soft: #6b727c; --line: #d9dde3; --paper: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7eb; --soft: #979fa9; --line: #363c45; --paper: #14171c; } }
@media print { :root { color-scheme: light; --ink: #000; --soft: #555; --line: #ccc; --paper: #fff; } }
@page { size: A4; margin: 15mm; }
body { font: 14px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 760px;
  margin: 2em auto; padding: 0 1em; }
@media print { body { margin: 0; padding: 0; max-width: none; font-size: 10pt; } }
h1 { font-size: 1.6em; margin: 0 0 .2em; } h2 { font-size: 1.25em; margin: 1.6em 0 .4em; } h3 { font-size: 1em; }
p { margin: .3em 0; } .soft { color: var(--soft); } .missing { border-left: 4px solid #d98324; padding-left: .7em; }
img { width: 100%; height: auto; display: block; }
figure { margin: .5em 0; } figure, table, section > h2, h3 { break-inside: avoid; } h2, h3 { break-after: avoid; }
table { border-collapse: collapse; margin: .5em 0; width: 100%; }
caption { text-align: left; font-weight: 600; padding: .4em 0; }
th, td { text-align: left; padding: .2em .6em .2em 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { font-weight: 600; color: var(--soft); } .n { text-align: right; font-variant-numeric: tabular-nums; }
"""

OfDomain = Mapping[SummaryKind, pa.Table]


@dataclass(frozen=True, slots=True)
class Report:
    """What the page is made of: the counts of each domain and of each server."""

    day: Day
    domains: Mapping[str, OfDomain]

    @property
    def hours_kept(self) -> int:
        """Return how many hours of feeds are stored."""
        return self._sum(HOURS_KEPT)

    @property
    def hours(self) -> int:
        return self._sum(HOURS)

    def of_all(self, kind: SummaryKind) -> pa.Table | None:
        """Return the counts of all domains or servers; None where none has such feeds."""
        tables = [tables[kind] for tables in self.domains.values() if kind in tables]
        return total(tables) if tables else None

    def _sum(self, measure: str) -> int:
        return sum(
            sum(by(counts, measure).values())
            for tables in self.domains.values()
            for kind, counts in tables.items()
            if kind.name != "deliverability"  # its hours are those of the volume
        )


def page(report: Report, language: Language, made_at: float, *, with_users: bool, more: Iterable[str] = ()) -> str:
    """Return the page, with further sections behind those of the summaries."""
    title = f"{say('title', language)} {report.day}"
    kinds = [(kind, counts) for kind in KINDS.values() if (counts := report.of_all(kind)) is not None]
    body = [*_head(report, title, language, made_at)]
    for kind, counts in kinds:
        body += _section(report, kind, counts, language, with_users=with_users)
    body += more
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{escape(title)}</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n" + "\n".join(body) + "\n</body>\n</html>\n"
    )


def _head(report: Report, title: str, language: Language, made_at: float) -> Iterator[str]:
    made = datetime.fromtimestamp(made_at, ZoneInfo(report.day.timezone)).strftime("%Y-%m-%d %H:%M")
    domains = ", ".join(map(readable_domain, report.domains))
    yield f"<h1>{escape(title)}</h1>"
    yield f"<p>{escape(domains)}</p>"
    yield (
        f'<p class="soft">{say("timezone", language)}: {escape(report.day.timezone)} · '
        f"{say('made_at', language)}: {made} · {say('hours_kept', language)}: "
        f"{number(report.hours_kept, language)} / {number(report.hours, language)}</p>"
    )
    if report.hours_kept < report.hours:
        yield f'<p class="missing">{say("incomplete", language)}</p>'


def _section(
    report: Report, kind: SummaryKind, counts: pa.Table, language: Language, *, with_users: bool
) -> Iterator[str]:
    name = say(kind.name, language)
    yield f"<section>\n<h2>{name}</h2>"
    picture = data_uri(svg(CHARTS[kind.name], counts, language), "svg+xml")
    yield f'<figure><img alt="{escape(name)}" src="{picture}"></figure>'
    yield _numbers(kind, counts, language)
    if kind.name == "deliverability":
        yield _classes(counts, language)
    if kind.name == "sign_ins" and (spikes := sign_ins.spikes(counts)):
        yield _table("spike_hours", ("hour", "failed"), spikes.items(), language)
    for measure, most in TABLES.get(kind.name, ()):
        if with_users or measure not in kind.personal:
            rows = list(by(counts, measure).items())[:most]
            if measure == "refusal_reason":
                rows = [(say_reason(name, language), count) for name, count in rows]
            yield _table(measure, ("name", "count"), rows, language) if rows else ""
    if len(report.domains) > 1:
        yield _by_owner(report, kind, language)
    yield "</section>"


def _numbers(kind: SummaryKind, counts: pa.Table, language: Language) -> str:
    shown = [(say(name, language), value) for name, value in kind.numbers(counts).items() if name in kind.shown]
    return _table("numbers", ("what", "count"), shown, language)


def _classes(counts: pa.Table, language: Language) -> str:
    bounces, deferrals = by(counts, "bounce_class"), by(counts, "deferral_class")
    rows = [(say(name, language), bounces.get(name, 0), deferrals.get(name, 0)) for name in CLASSES]
    return _table("classes", ("class", "bounce_class", "deferral_class"), rows, language)


def _by_owner(report: Report, kind: SummaryKind, language: Language) -> str:
    names = kind.compared
    rows: list[tuple[Any, ...]] = []
    for domain, tables in report.domains.items():
        if kind in tables:
            numbers = kind.numbers(tables[kind])
            rows.append((readable_domain(domain), *(numbers[name] for name in names)))
    return _table(f"by_{kind.owner}", (kind.owner, *names), rows, language)


def _table(caption: str, names: Sequence[str], rows: Any, language: Language) -> str:
    """Return a table; texts go to the left, numbers to the right."""
    heads = "".join(
        f'<th scope="col"{_number_class(place > 0)}>{say(name, language)}</th>' for place, name in enumerate(names)
    )
    lines = [f"<tr>{''.join(_cell(value, language) for value in row)}</tr>" for row in rows]
    return (
        f"<table>\n<caption>{say(caption, language)}</caption>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n"
        + "\n".join(lines)
        + "\n</tbody>\n</table>"
    )


def _cell(value: Any, language: Language) -> str:
    text = say_key(value, language) if isinstance(value, str) else number(value, language)
    return f"<td{_number_class(not isinstance(value, str))}>{escape(text)}</td>"


def _number_class(is_number: bool) -> str:  # noqa: FBT001 - it is what the name asks
    return ' class="n"' if is_number else ""
