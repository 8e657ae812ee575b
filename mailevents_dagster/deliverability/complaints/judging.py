"""What the complaints of a day mean: numbers, verdicts and words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.deliverability.complaints.rows import GMAIL, SNDS, SNDS_STATUS, UNASKED
from mailevents_dagster.deliverability.complaints.snds import COLOURS
from mailevents_dagster.deliverability.reports.values import COMPLAINT
from mailevents_dagster.files.printable import printable
from mailevents_dagster.health.verdicts import Verdict

WELL: Final = 0.1
"""Percent of mails that people call spam: what Gmail asks senders to stay below."""
BAD: Final = 0.3
"""Percent at which Gmail helps no more."""
SHOWN: Final = 20
NO_COMPLAINT: Final = "not-spam"
CHECKS: Final = {
    "spam_rate": f"Whether fewer than {WELL} % of the mails to Gmail are called spam.",
    "outlook_filter": "Whether Outlook.com neither blocks nor filters a sending address.",
    "answered": "Whether the services that are asked for rates answered.",
}


def numbers_of(rows: pa.Table, repeated: int) -> Mapping[str, float | str | bool]:
    """Return what is shown and plotted of the day. Nobody who complained is named."""
    named = _of_kind(rows, COMPLAINT)
    numbers: dict[str, float | str | bool] = {
        "complaints": sum(row["feedback_type"] != NO_COMPLAINT for row in named),
        "complaints_taken_back": sum(row["feedback_type"] == NO_COMPLAINT for row in named),
        "complaints_repeated": repeated,
    }
    if spam := _latest(rows, "spam_rate"):
        numbers |= {"gmail_spam_rate": spam["value"], "gmail_day": spam["date"].isoformat()}
    if worst := _worst_id(rows):
        numbers |= {"gmail_worst_feedback_id": worst["feedback_id"], "gmail_worst_spam_rate": worst["value"]}
    if _of_kind(rows, SNDS):
        numbers |= {
            "outlook_addresses": len({row["source_ip"] for row in _of_kind(rows, SNDS)}),
            "outlook_addresses_filtered": len(_filtered(rows)),
            "outlook_trap_hits": sum(row["value"] or 0 for row in _of_kind(rows, SNDS) if row["metric"] == "trap_hits"),
        }
    return numbers


def verdicts_of(rows: pa.Table) -> Mapping[str, Verdict]:
    """Return the verdict of each check."""
    return {"spam_rate": _spam_rate(rows), "outlook_filter": _outlook(rows), "answered": _answered(rows)}


def words_of(rows: pa.Table) -> str:
    """Return the rates of the Feedback-IDs as a table, the highest first."""
    latest: dict[str, dict[str, Any]] = {}
    for row in sorted(_of_metric(rows, "feedback_id_spam_rate"), key=lambda row: row["date"]):
        latest[row["feedback_id"]] = row
    if not latest:
        return ""
    shown = sorted(latest.values(), key=lambda row: -row["value"])[:SHOWN]
    lines = [
        f"| {printable(row['feedback_id'], 80).replace('|', ' ')} | {row['date']} | {row['value']:.2f} % |"
        for row in shown
    ]
    return "\n".join(["| Feedback-ID | day | called spam |", "| --- | --- | ---: |", *lines])


def _spam_rate(rows: pa.Table) -> Verdict:
    spam, worst = _latest(rows, "spam_rate"), _worst_id(rows)
    if spam is None:
        return Verdict(passed=True, said="Gmail tells none.", numbers={})
    rate = spam["value"]
    whose = (
        f" The highest rate has the Feedback-ID {printable(worst['feedback_id'], 80)}, {worst['value']:.2f} %."
        if worst
        else ""
    )
    said = (
        f"{rate:.2f} % of the mails that Gmail delivered on {spam['date']} were called spam; it asks for less than "
        f"{WELL} %, and from {BAD} % on refuses mail.{whose} Mail those alone who asked for it, and make leaving easy."
    )
    return Verdict(rate < WELL, "Low." if rate < WELL else said, {"spam_rate": rate}, is_error=rate >= BAD)


def _outlook(rows: pa.Table) -> Verdict:
    filtered = _filtered(rows)
    blocked = sorted({row["source_ip"] for row in _of_kind(rows, SNDS_STATUS) if row["value"]})
    said = []
    if blocked:
        said.append(f"Outlook.com blocks {', '.join(blocked[:SHOWN])}: ask for removal at sender.office.com.")
    if filtered:
        said.append(f"It takes most of what {', '.join(filtered[:SHOWN])} sends for spam (RED).")
    return Verdict(
        not said,
        " ".join(said) or "None.",
        {"addresses_blocked": len(blocked), "addresses_filtered": len(filtered)},
        is_error=bool(blocked),
    )


def _answered(rows: pa.Table) -> Verdict:
    unasked = _of_kind(rows, UNASKED)
    said = " ".join(row["text"] for row in unasked)
    return Verdict(not unasked, said or "All.", {"services": len(unasked)})


def _filtered(rows: pa.Table) -> list[str]:
    """Return the addresses of which the latest day is red."""
    latest: dict[str, dict[str, Any]] = {}
    for row in sorted(_of_metric(rows, "filter_result"), key=lambda row: row["date"]):
        latest[row["source_ip"]] = row
    return sorted(ip for ip, row in latest.items() if row["value"] == COLOURS["RED"])


def _worst_id(rows: pa.Table) -> dict[str, Any] | None:
    """Return the highest rate of a Feedback-ID on the last day that any has one."""
    found = _of_metric(rows, "feedback_id_spam_rate")
    last = max((row["date"] for row in found), default=None)
    return max((row for row in found if row["date"] == last), key=lambda row: row["value"], default=None)


def _latest(rows: pa.Table, metric: str) -> dict[str, Any] | None:
    found = [row for row in _of_metric(rows, metric) if row["kind"] == GMAIL]
    return max(found, key=lambda row: row["date"], default=None)


def _of_kind(rows: pa.Table, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = rows.filter(pc.equal(rows["kind"], kind)).to_pylist()
    return found


def _of_metric(rows: pa.Table, metric: str) -> list[dict[str, Any]]:
    """Return the rows of a metric that have a number."""
    has_number = pc.and_(pc.equal(rows["metric"], metric), rows["value"].is_valid())
    found: list[dict[str, Any]] = rows.filter(has_number).to_pylist()
    return found
