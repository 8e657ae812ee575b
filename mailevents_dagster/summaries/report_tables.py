"""What the report of a day says, as tables of texts: for the page and for the mail. Pure.

It names users and addresses only if they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa

from mailevents_dagster.deliveries.mail.letter import Table
from mailevents_dagster.model.day import Day
from mailevents_dagster.model.feed import readable_domain
from mailevents_dagster.sources.statuses import CLASSES
from mailevents_dagster.summaries import server_bounces, sign_ins
from mailevents_dagster.summaries.charts import number
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


@dataclass(frozen=True, slots=True)
class Section:
    """What is said of one summary."""

    kind: SummaryKind
    title: str
    counts: pa.Table
    tables: Sequence[Table]


def title_of(report: Report, language: Language) -> str:
    return f"{say('title', language)} {report.day}"


def facts_of(report: Report, language: Language, made_at: float) -> str:
    """Return of which time zone the report is, when it was made, and of how many hours."""
    made = datetime.fromtimestamp(made_at, ZoneInfo(report.day.timezone)).strftime("%Y-%m-%d %H:%M")
    return (
        f"{say('timezone', language)}: {report.day.timezone} · {say('made_at', language)}: {made} · "
        f"{say('hours_kept', language)}: {number(report.hours_kept, language)} / {number(report.hours, language)}"
    )


def sections_of(report: Report, language: Language, *, with_users: bool) -> Iterator[Section]:
    """Yield the summaries that there are, each with its tables."""
    for kind in KINDS.values():
        counts = report.of_all(kind)
        if counts is not None:
            tables = [*_tables(report, kind, counts, language, with_users=with_users)]
            yield Section(kind, say(kind.name, language), counts, tables)


def _tables(
    report: Report, kind: SummaryKind, counts: pa.Table, language: Language, *, with_users: bool
) -> Iterator[Table]:
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
            if rows:
                yield _table(measure, ("name", "count"), rows, language)
    if len(report.domains) > 1:
        yield _by_owner(report, kind, language)


def _numbers(kind: SummaryKind, counts: pa.Table, language: Language) -> Table:
    shown = [(say(name, language), value) for name, value in kind.numbers(counts).items() if name in kind.shown]
    return _table("numbers", ("what", "count"), shown, language)


def _classes(counts: pa.Table, language: Language) -> Table:
    bounces, deferrals = by(counts, "bounce_class"), by(counts, "deferral_class")
    rows = [(say(name, language), bounces.get(name, 0), deferrals.get(name, 0)) for name in CLASSES]
    return _table("classes", ("class", "bounce_class", "deferral_class"), rows, language)


def _by_owner(report: Report, kind: SummaryKind, language: Language) -> Table:
    names = kind.compared
    rows: list[tuple[Any, ...]] = []
    for domain, tables in report.domains.items():
        if kind in tables:
            numbers = kind.numbers(tables[kind])
            rows.append((readable_domain(domain), *(numbers[name] for name in names)))
    return _table(f"by_{kind.owner}", (kind.owner, *names), rows, language)


def _table(caption: str, names: Sequence[str], rows: Any, language: Language) -> Table:
    heads = [say(name, language) for name in names]
    return Table(say(caption, language), heads, [[_cell(value, language) for value in row] for row in rows])


def _cell(value: Any, language: Language) -> str:
    return say_key(value, language) if isinstance(value, str) else number(value, language)
