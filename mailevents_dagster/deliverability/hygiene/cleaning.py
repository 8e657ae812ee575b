"""A file of addresses, cleaned: read once for its domains, and once more to be written, row by row."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TextIO

from mailevents_dagster.deliverability.addresses import comparable, comparable_domain
from mailevents_dagster.deliverability.hygiene.domains import LookUp, Takes, states
from mailevents_dagster.deliverability.hygiene.notes import Notes
from mailevents_dagster.deliverability.hygiene.syntax import fault_of
from mailevents_dagster.deliverability.hygiene.table_file import TableFile
from mailevents_dagster.deliverability.hygiene.verdicts import Facts, Objection, Reason, is_left_out, objections

COLUMN: Final = "hygiene"
"""The column that says why; more of them get a number where the file has one of the name."""
ROWS_A_STEP: Final = 1000

Said = Callable[[str, int], object]
"""Is told what is being done, and how much more of it is done."""


@dataclass(slots=True)
class Report:
    """What was found."""

    rows: int = 0
    kept: int = 0
    left_out: int = 0
    looked_at: int = 0
    """Rows that are kept and have something for somebody to look at."""
    reasons: Counter[Reason] = field(default_factory=Counter)
    """How many rows each reason stands in."""
    domains: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    """Why domains could not be asked, and how many."""

    def count(self, found: Sequence[Objection], *, leaves: bool) -> None:
        self.rows += 1
        self.kept += not leaves
        self.left_out += leaves
        self.looked_at += bool(found) and not leaves
        if found:
            self.reasons.update({one.reason for one in found})

    def content(self) -> Mapping[str, Any]:
        return {
            "rows": self.rows,
            "kept": self.kept,
            "to_look_at": self.looked_at,
            "left_out": self.left_out,
            "reasons": {reason.value: self.reasons[reason] for reason in Reason},
            "domains": self.domains,
            "domains_not_asked": dict(self.unknown.most_common(5)),
        }


def note_domains(file: TableFile, remembered: Notes, said: Said) -> int:
    """Note the domains of all addresses that may be right; return how many rows there are."""
    rows, recent = 0, set[str]()
    for _, row in file.rows():
        rows += 1
        address = file.address(row)
        if address and not fault_of(address):
            recent.add(address.rpartition("@")[2])
        if rows % ROWS_A_STEP == 0:
            remembered.add_domains(map(comparable_domain, recent))
            recent.clear()
            said("rows read", ROWS_A_STEP)
    remembered.add_domains(map(comparable_domain, recent))
    return rows


def ask_domains(remembered: Notes, look_up: LookUp, report: Report, said: Said) -> None:
    """Ask for each domain once, and note what is known of it."""
    for name, state in states(remembered.domains(), look_up):
        remembered.note_state(name, state)
        if state.takes is Takes.UNKNOWN:
            report.unknown[state.said] += 1
        said("domains asked", 1)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known here of addresses, by the addresses as they are compared."""

    suppressed: Mapping[str, str] = field(default_factory=dict)
    """Why they must not be mailed."""
    silent_since: int | None = None
    """Since when those count as inactive of whom nothing was heard (Unix, in seconds); None: that cannot be told."""


def clean(
    file: TableFile, remembered: Notes, known: Known, out: Path, rejected: Path, report: Report, said: Said
) -> None:
    """Write the rows that may be mailed into one file and the others into another, each with its reasons."""
    with ExitStack() as opened:
        writers = [opened.enter_context(_writer(file, path)) for path in (out, rejected)]
        for number, row in file.rows():
            found = _objections(file.address(row), number, remembered, known)
            leaves = is_left_out(found)
            report.count(found, leaves=leaves)
            padding = [""] * (file.width - len(row))
            writers[leaves].writerow([*row, *padding, _why(file, found)])
            if report.rows % ROWS_A_STEP == 0:
                said("rows judged", ROWS_A_STEP)


def _why(file: TableFile, found: Sequence[Objection]) -> str:
    why = "; ".join(map(str, found))
    return why if file.quote else why.replace(file.delimiter, " ")


def _objections(address: str, row: int, remembered: Notes, known: Known) -> Sequence[Objection]:
    fault = fault_of(address) if address else None
    if not address or fault:
        return objections(address, "", fault, Facts())
    key = comparable(address)
    domain = key.rpartition("@")[2]
    is_inactive = known.silent_since is not None and remembered.is_inactive(key, known.silent_since)
    facts = Facts(remembered.first_row(key, row), remembered.state(domain), known.suppressed.get(key, ""), is_inactive)
    return objections(key, domain, None, facts)


@contextmanager
def _writer(file: TableFile, path: Path) -> Iterator[Any]:
    """Yield what writes rows as the file has them; an unfinished file never has its name."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        with _opened(file, partial) as out:
            writer = csv.writer(
                out,
                delimiter=file.delimiter,
                quotechar=file.quote or None,
                quoting=csv.QUOTE_MINIMAL if file.quote else csv.QUOTE_NONE,
                lineterminator="\n",
            )
            if file.header is not None:
                header = [*file.header, *[""] * (file.width - len(file.header))]
                writer.writerow([*header, _free_name(header)])
            yield writer
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _opened(file: TableFile, path: Path) -> TextIO:
    # For its owner alone, as what is stored. What is said of a row may have signs that the encoding has not.
    path.touch(0o600)
    errors = file.errors if file.errors != "strict" else "backslashreplace"
    return path.open("w", encoding=file.encoding, errors=errors, newline="")


def _free_name(header: Sequence[str]) -> str:
    names = [COLUMN, *(f"{COLUMN}_{number}" for number in range(2, len(header) + 3))]
    return next(name for name in names if name not in header)
