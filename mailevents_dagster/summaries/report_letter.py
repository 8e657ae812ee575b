"""The report of a day as a letter: its tables, without pictures, and without names of users. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from mailevents_dagster.deliveries.mail.letter import Block, Heading, Letter, Paragraph
from mailevents_dagster.model.feed import readable_domain
from mailevents_dagster.summaries.report_tables import Report, facts_of, sections_of, title_of
from mailevents_dagster.summaries.wording import Language, say


def letter_of(report: Report, language: Language, made_at: float, more: Iterable[Block] = ()) -> Letter:
    """Return what is sent of a day, with further blocks behind those of the summaries."""
    title = title_of(report, language)
    blocks: list[Block] = [
        Heading(title, level=1),
        Paragraph(", ".join(map(readable_domain, report.domains))),
        Paragraph(facts_of(report, language, made_at), is_soft=True),
    ]
    if report.hours_kept < report.hours:
        blocks.append(Paragraph(say("incomplete", language), is_warning=True))
    for section in sections_of(report, language, with_users=False):
        blocks += [Heading(section.title), *section.tables]
    blocks += more
    blocks.append(Paragraph(say("why_you_get_this", language), is_soft=True))
    return Letter(title, blocks, language)
