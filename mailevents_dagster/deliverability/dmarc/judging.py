"""What the reports of a day mean: numbers, verdicts and words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.deliverability.dmarc.history import History, passed_of
from mailevents_dagster.deliverability.reports.values import AGGREGATE, BROKEN, FAILURE, TLS
from mailevents_dagster.files.printable import counted, printable
from mailevents_dagster.health.verdicts import Verdict
from mailevents_dagster.sources.outcomes.settings.reports import ReportsSettings

SHOWN: Final = 20
"""Sources that are named; the rest are in the rows."""
FEWEST: Final = 20
"""Mails below which a share says nothing."""
CHECKS: Final = {
    "reports_arrive": "Whether DMARC reports still arrive.",
    "no_new_sources": "Whether no source that was never seen before passes DMARC.",
    "pass_rate": "Whether as many mails pass DMARC as in the two weeks before.",
    "reports_are_whole": "Whether every report could be read.",
}


@dataclass(frozen=True, slots=True)
class SourceOfMails:
    """A network that sent in the name of the domain."""

    network: str
    messages: int
    passed: int
    by_spf: int
    by_dkim: int
    is_new: bool


def sources_of(rows: pa.Table) -> Sequence[SourceOfMails]:
    """Return the sources: new ones first, then by the number of mails."""
    found: dict[str, list[Any]] = {}
    names = ("network", "messages", "dmarc_passed", "spf_aligned", "dkim_aligned", "is_new")
    for row in rows.filter(rows["network"].is_valid()).select(names).to_pylist():
        counts = found.setdefault(row["network"], [0, 0, 0, 0, row["is_new"]])
        for place, says in enumerate((True, row["dmarc_passed"], row["spf_aligned"], row["dkim_aligned"])):
            counts[place] += row["messages"] if says else 0
    made = [SourceOfMails(network, *counts) for network, counts in found.items()]
    return sorted(made, key=lambda one: (not one.is_new, -one.messages, one.network))


def numbers_of(rows: pa.Table, repeated: int) -> Mapping[str, float | str | bool]:
    """Return what is shown and plotted of the day."""
    messages, passed = passed_of(rows)
    sources = sources_of(rows)
    numbers: dict[str, float | str | bool] = {
        "reports": _reports(rows, AGGREGATE),
        "reports_repeated": repeated,
        "reports_broken": _reports(rows, BROKEN),
        "reporters": len(rows["org_name"].drop_null().unique()),
        "messages": messages,
        "messages_passed": passed,
        "sources": len(sources),
        "sources_new": sum(one.is_new for one in sources),
        "sources_new_that_pass": sum(one.is_new and one.passed > 0 for one in sources),
        "failure_reports": _reports(rows, FAILURE),
        "tls_reports": _reports(rows, TLS),
        "tls_sessions": pc.sum(rows["sessions"]).as_py() or 0,
        "tls_sessions_failed": pc.sum(rows["failed_sessions"]).as_py() or 0,
    }
    return numbers | ({"pass_rate": round(100 * passed / messages, 2)} if messages else {})


def verdicts_of(rows: pa.Table, history: History, settings: ReportsSettings) -> Mapping[str, Verdict]:
    """Return the verdict of each check."""
    return {
        "reports_arrive": _arrive(_reports(rows, AGGREGATE), history, settings.expected_within_days),
        "no_new_sources": _no_new(sources_of(rows), history, settings.new_source_mails),
        "pass_rate": _pass_rate(*passed_of(rows), history, settings.pass_rate_drop),
        "reports_are_whole": _whole(rows),
    }


def words_of(rows: pa.Table) -> str:
    """Return the sources of the day as a table."""
    sources = sources_of(rows)
    if not sources:
        return ""
    shown = [
        f"| {one.network} | {'new' if one.is_new else ''} | {one.messages:,} | {one.passed:,} | {one.by_spf:,} "
        f"| {one.by_dkim:,} |"
        for one in sources[:SHOWN]
    ]
    rest = [f"\nAnd {counted(len(sources) - SHOWN, 'source')} more."] if len(sources) > SHOWN else []
    head = ["| source | | mails | pass DMARC | by SPF | by DKIM |", "| --- | --- | ---: | ---: | ---: | ---: |"]
    return "\n".join([*head, *shown, *rest])


def _reports(rows: pa.Table, kind: str) -> int:
    return len(rows.filter(pc.equal(rows["kind"], kind))["report"].unique())


def _arrive(reports: int, history: History, days: int) -> Verdict:
    lately = range(1, days)
    passed = reports > 0 or bool(history.days_with_reports.intersection(lately))
    # Days that were not made say nothing.
    passed = passed or not history.days_made.issuperset(lately)
    what = (
        f"No DMARC report has arrived for {counted(days, 'day')}. Look whether the domain's DMARC record still names "
        f"an address in `rua`, whether that mailbox takes mail, and whether it is the one of `reports.mailboxes`."
    )
    return Verdict(passed, "They arrive." if passed else what, {"reports": reports}, is_error=True)


def _no_new(sources: Sequence[SourceOfMails], history: History, fewest: int) -> Verdict:
    new = [one for one in sources if one.is_new and one.passed >= fewest]
    passed = not new or not history.networks
    said = "None." if not new else "These are the first reports."
    if not passed:
        named = "; ".join(_named(one) for one in new[:SHOWN])
        said = (
            f"{counted(len(new), 'source')} that no report named before passes DMARC: {named}. If it is no service of "
            f"yours, somebody can send as you: take it out of the SPF record, or revoke its DKIM key. One that passes "
            f"by DKIM alone may be somebody's forwarding."
        )
    numbers = {"sources": len(new), "messages": sum(one.passed for one in new)}
    return Verdict(passed, said, numbers, is_error=True)


def _named(one: SourceOfMails) -> str:
    ways = [way for way, number in (("SPF", one.by_spf), ("DKIM", one.by_dkim)) if number]
    return f"{one.network} ({counted(one.passed, 'mail')}, by {' and '.join(ways)})"


def _pass_rate(messages: int, passed: int, history: History, drop: float) -> Verdict:
    if messages < FEWEST or history.messages < FEWEST:
        return Verdict(passed=True, said="Too few mails to say.", numbers={"messages": messages})
    rate, usual = 100 * passed / messages, 100 * history.passed / history.messages
    is_well = usual - rate < drop
    said = (
        f"{rate:.1f} % of {messages:,} mails pass DMARC; in the two weeks before, {usual:.1f} % did. See which sources "
        f"fail: of your own, mend SPF or DKIM; of others, nothing is lost, but they use your name."
    )
    numbers = {"messages": messages, "pass_rate": round(rate, 2), "usual_pass_rate": round(usual, 2)}
    return Verdict(is_well, "As usual." if is_well else said, numbers, is_error=True)


def _whole(rows: pa.Table) -> Verdict:
    lost = [*_lost(rows)]
    said = f"{counted(len(lost), 'report')} could not be read, or not whole: {'; '.join(lost[:SHOWN])}"
    return Verdict(not lost, said if lost else "All.", {"reports": len(lost)})


def _lost(rows: pa.Table) -> Iterator[str]:
    """Yield what is said of each report that is not whole."""
    is_told = pc.and_(rows["text"].is_valid(), pc.is_in(rows["kind"], pa.array([BROKEN, AGGREGATE, TLS])))
    # Texts of TLS reports say why connections failed, but for one that is of no policy.
    heads = rows.filter(pc.and_(is_told, pc.or_(pc.not_equal(rows["kind"], TLS), rows["policy"].is_null())))
    for row in heads.select(["org_name", "text"]).to_pylist():
        whose = f"{printable(row['org_name'], 60)}: " if row["org_name"] else ""
        yield whose + printable(row["text"], 300)
