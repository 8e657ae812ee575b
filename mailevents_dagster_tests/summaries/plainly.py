"""The numbers of a day worked out again: plain Python over the records as the API gives them, no Arrow, no columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Record = dict[str, Any]
FAMILIES = {"1": "address", "2": "mailbox", "4": "routing", "7": "policy"}


@dataclass
class Plain:
    """What became of the mails of one feed."""

    outcomes: Counter[str] = field(default_factory=Counter)
    classes: Counter[str] = field(default_factory=Counter)
    deferrals: Counter[str] = field(default_factory=Counter)
    seconds: Counter[int] = field(default_factory=Counter)
    senders: Counter[str] = field(default_factory=Counter)
    recipients: Counter[str] = field(default_factory=Counter)


def mails(records: Iterable[Record]) -> Plain:
    """Records of the simulator, which say `delivered`, `deferred` and so on, and give an enhanced code or none."""
    units: dict[tuple[str, str], list[tuple[int, int, str | None, str | None, Record]]] = {}
    for number, record in enumerate(records):
        entries = record.get("recipients") or [{}]
        begun = entries[0].get("time", record["time"])
        message = record.get("message_id") or record.get("queue_id") or f"alone {number}"
        for entry in entries:
            said = (entry.get("time", begun), begun, entry.get("status"), entry.get("status_code"), record)
            units.setdefault((message, entry.get("mailto", "")), []).append(said)
    plain = Plain()
    for (_, mailto), said in units.items():
        last, begun, status, code, record = max(said, key=lambda one: one[0])
        outcome = "other" if status == "discarded" else status or "unknown"
        plain.outcomes[outcome] += 1
        if outcome in ("bounced", "rejected"):
            plain.classes[_family(code)] += 1
        if outcome == "deferred":
            plain.deferrals[_family(code)] += 1
        if outcome == "delivered":
            plain.seconds[last - min(min(one[0], one[1]) for one in said)] += 1
        plain.senders[record["mailfrom"].split("@")[-1]] += 1
        plain.recipients[mailto.split("@")[-1] or "(none)"] += 1
    return plain


def _family(code: str | None) -> str:
    parts = (code or "").split(".")
    return "over_quota" if parts[1:] == ["2", "2"] else FAMILIES[parts[1]]


def reason(record: Record) -> str:
    return re.split(r"[:(]", record["reason"])[0].strip()


def at_most(seconds: Counter[int], share: float) -> int:
    """The value at that place when all are written down in order."""
    ordered = sorted(seconds.elements())
    place = -(-len(ordered) * round(share * 100) // 100)
    return ordered[place - 1]
