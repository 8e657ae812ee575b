"""DMARC aggregate reports: RFC 7489, RFC 9990, and what was sent before there was either."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import IO, Final
from xml.etree.ElementTree import Element

from mailevents_dagster.deliverability.reports.elements import MalformedError, others, plain, read_elements, values_of
from mailevents_dagster.deliverability.reports.packing import damage_of
from mailevents_dagster.deliverability.reports.record import LeftOutError, domain_of, lower, records_of, whole_number
from mailevents_dagster.deliverability.reports.records import Records
from mailevents_dagster.deliverability.reports.values import (
    AGGREGATE,
    Aggregate,
    BrokenReportError,
    DateRange,
    Fields,
    Key,
    NotAReportError,
)
from mailevents_dagster.deliverability.reports.xml_text import XmlText
from mailevents_dagster.files.printable import printable

_ROOT: Final = "feedback"
_ROOT_TAG: Final = re.compile(rb"<(?:[\w.-]{1,40}:)?feedback\b")
_METADATA: Final = ("org_name", "email", "extra_contact_info", "report_id", "generator")
_DATES: Final = ("begin", "end")
_POLICY: Final = ("adkim", "aspf", "p", "sp", "np", "psd", "testing", "discovery_method", "fo", "version_published")
_POLICY_TAGS: Final = ("domain", "pct", *_POLICY)
_SHOWN: Final = 40
_MOST_NAMED: Final = 20
"""Records that are named one by one where they could not be read."""


def read_aggregate(file: str, stream: IO[bytes]) -> Aggregate:
    """Return the report in a stream of XML, in memory that does not grow with it.

    Text that no parser takes is read again, mended where it is clear what is meant. What is whole of a report that
    breaks off is kept.
    """
    text = XmlText(stream)
    gathered = _Gathered(text.blocks())
    faults = tuple(text.faults)
    if gathered.broken:
        mended = _Gathered(text.mended_blocks())
        if mended.reach > gathered.reach or not mended.broken:
            gathered, faults = mended, tuple(text.faults)
    if gathered.is_another and not text.names_root:
        raise NotAReportError(gathered.broken)
    if gathered.broken and not (len(gathered.records) and len(gathered.metadata)):
        raise BrokenReportError(damage_of(stream) or gathered.broken)
    return gathered.report(file, faults, damage_of(stream))


class _Gathered:
    """What was found in a report, as far as it goes."""

    def __init__(self, blocks: Iterable[str]) -> None:
        self.records = Records()
        self.metadata = Element("report_metadata")
        self.broken = ""
        self.is_another = False
        """Whether its root is none of a report."""
        self._policy = Element("policy_published")
        self._version = Element("version")
        self._others: dict[str, list[object]] = {}
        self._again: dict[str, None] = {}
        """What is there once more than it may be."""
        self._lost: list[str] = []
        self._behind: bytes | None = None
        self._empty = self._lost_count = self.reach = 0
        self._digest = hashlib.sha256()
        try:
            self._behind = read_elements(self._hashed(blocks), _ROOT, self._take)
        except MalformedError as error:
            self.broken = str(error)
        except NotAReportError as error:
            self.broken, self.is_another = str(error), True

    def _hashed(self, blocks: Iterable[str]) -> Iterator[str]:
        for block in blocks:
            self._digest.update(block.encode("utf-8", "replace"))
            yield block

    def _take(self, element: Element) -> None:
        self.reach += 1
        match element.tag:
            case "record":
                self._add(element)
            case "report_metadata":
                self.metadata = self._first(self.metadata, element)
            case "policy_published":
                self._policy = self._first(self._policy, element)
            case "version":
                self._version = element
            case name:
                self._others.setdefault(name, []).append(plain(element))

    def _first(self, known: Element, element: Element) -> Element:
        if len(known) and len(element):
            self._again[element.tag] = None
        return known if len(known) else element

    def _add(self, element: Element) -> None:
        if not len(element):
            self._empty += 1
            return
        try:
            for record in records_of(element):
                self.records.add(record)
        except LeftOutError as error:
            self._lost_count += 1
            if len(self._lost) < _MOST_NAMED:
                self._lost.append(f"record {len(self.records) + self._lost_count + self._empty} {error}")

    def report(self, file: str, faults: tuple[str, ...], damage: str) -> Aggregate:
        """Return the report; without an id its content names it."""
        metadata: Fields = {"version": (self._version.text or "").strip() or None, **_metadata(self.metadata)}
        policy = _policy(self._policy)
        return Aggregate(
            file,
            _key(metadata, policy, self._digest.hexdigest),
            metadata,
            policy,
            self.records,
            self._extension(),
            (*faults, *self._odd(), *([damage] if damage and not self.broken else ())),
            (*self._missing(), *([f"what stands behind {self.broken}"] if self.broken else ())),
        )

    def _extension(self) -> Fields:
        """Return what no specification has, by the names of where it stands."""
        found: Fields = {name: values[0] if len(values) == 1 else values for name, values in self._others.items()}
        for element, known in ((self.metadata, {*_METADATA, "date_range", "error"}), (self._policy, {*_POLICY_TAGS})):
            if beside := others(element, known):
                found[element.tag] = beside
        return found

    def _odd(self) -> Iterator[str]:
        if self._empty:
            yield f"records with nothing in them: {self._empty}"
        if self._behind is not None:
            yield "something stands behind its end"
        for name in self._again:
            yield f"it has more than one {name}: the first counts"
        yield from _odd_dates(self.metadata)
        if not self.records:
            yield "it has no records"

    def _missing(self) -> Iterator[str]:
        yield from self._lost
        if self._lost_count > len(self._lost):
            yield f"{self._lost_count - len(self._lost):,} more records"
        if self._behind and _ROOT_TAG.search(self._behind):
            yield "another report that stands behind its end: put each into a file of its own"


def _metadata(element: Element) -> Fields:
    values = values_of(element)
    dates = element.find("date_range")
    range_ = {} if dates is None else values_of(dates)
    covered: DateRange = {"begin": seconds(range_.get("begin")), "end": seconds(range_.get("end"))}
    errors = [text for error in element.iterfind("error") if (text := (error.text or "").strip())]
    return {**{name: values.get(name) for name in _METADATA}, "date_range": covered, "error": errors}


def _odd_dates(metadata: Element) -> Iterator[str]:
    """Say what a report covers where no moment can be made of it."""
    for name in _DATES:
        given = (metadata.findtext(f"date_range/{name}") or "").strip()
        if given and seconds(given) is None:
            yield f"its {name} is no moment: {printable(given, _SHOWN)}"


def _policy(element: Element) -> Fields:
    values = values_of(element)
    percent = whole_number(values.get("pct"))
    return {
        "domain": domain_of(values.get("domain")),
        **{name: lower(values.get(name)) for name in _POLICY},
        "pct": values.get("pct") if percent is None else percent,
    }


def seconds(text: str | None) -> int | None:
    """Return the Unix seconds of a number, or of a date that says its zone; None for anything else."""
    number = whole_number(text)
    if number is not None or text is None:
        return number
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int(moment.timestamp()) if moment.tzinfo else None


def _key(metadata: Fields, policy: Fields, digest: Callable[[], str]) -> Key:
    covered = metadata["date_range"]
    return (
        AGGREGATE,
        str(metadata["org_name"] or metadata["email"] or ""),
        str(metadata["report_id"] or digest()),
        str(policy["domain"] or ""),
        f"{covered['begin']}-{covered['end']}",
    )
