"""A day on one page: HTML that needs nothing else, with the charts and tables of the summaries. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import Final

from mailevents_dagster.deliveries.mail.letter import Table
from mailevents_dagster.model.feed import readable_domain
from mailevents_dagster.summaries.charts import CHARTS, data_uri, svg
from mailevents_dagster.summaries.report_tables import Report, Section, facts_of, sections_of, title_of
from mailevents_dagster.summaries.wording import Language, say

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


def page(report: Report, language: Language, made_at: float, *, with_users: bool, more: Iterable[str] = ()) -> str:
    """Return the page, with further sections behind those of the summaries."""
    title = title_of(report, language)
    body = [*_head(report, title, language, made_at)]
    for section in sections_of(report, language, with_users=with_users):
        body += _section(section, language)
    body += more
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{escape(title)}</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n" + "\n".join(body) + "\n</body>\n</html>\n"
    )


def _head(report: Report, title: str, language: Language, made_at: float) -> Iterator[str]:
    yield f"<h1>{escape(title)}</h1>"
    yield f"<p>{escape(', '.join(map(readable_domain, report.domains)))}</p>"
    yield f'<p class="soft">{escape(facts_of(report, language, made_at))}</p>'
    if report.hours_kept < report.hours:
        yield f'<p class="missing">{say("incomplete", language)}</p>'


def _section(section: Section, language: Language) -> Iterator[str]:
    yield f"<section>\n<h2>{section.title}</h2>"
    picture = data_uri(svg(CHARTS[section.kind.name], section.counts, language), "svg+xml")
    yield f'<figure><img alt="{escape(section.title)}" src="{picture}"></figure>'
    yield from map(_table, section.tables)
    yield "</section>"


def _table(table: Table) -> str:
    """Return a table; the first column goes to the left, numbers to the right."""
    heads = "".join(f'<th scope="col"{_number_class(place)}>{head}</th>' for place, head in enumerate(table.heads))
    lines = [
        f"<tr>{''.join(f'<td{_number_class(place)}>{escape(text)}</td>' for place, text in enumerate(row))}</tr>"
        for row in table.rows
    ]
    return (
        f"<table>\n<caption>{table.caption}</caption>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n"
        + "\n".join(lines)
        + "\n</tbody>\n</table>"
    )


def _number_class(place: int) -> str:
    return ' class="n"' if place else ""
