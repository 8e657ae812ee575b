"""One record of an aggregate report. Pure."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element

from mailevents_dagster.deliverability.reports.elements import others, plain, values_of
from mailevents_dagster.deliverability.reports.records import Evaluated, Record, Texts

_NUMBER: Final = re.compile(r"\+?0*(\d{1,12})(?:\.0*)?", re.ASCII)
"""All mails of the world are 12 digits a day, and ten million such numbers are less than a column of numbers holds."""
_LITERAL: Final = re.compile(r"\[(?:IPv6:)?([^\[\]]*)\]", re.IGNORECASE)
"""An address as the envelope of a mail writes it (RFC 5321)."""
_IDENTIFIERS: Final = ("header_from", "envelope_from", "envelope_to")
_ROW: Final = frozenset({"source_ip", "count", "policy_evaluated"})
_EVALUATED: Final = frozenset({"disposition", "dkim", "spf", "reason"})
_RESULTS: Final = ("dkim", "spf")
_RESULT: Final = frozenset({"domain", "selector", "scope", "result", "human_result"})
_NOTHING: Final = Element("nothing")


class LeftOutError(ValueError):
    """A record lacks what it cannot be counted without."""


def records_of(element: Element) -> Iterator[Record]:
    """Yield the record of an element, or one for each row where it has several.

    A missing address or number of mails is not guessed.
    """
    rows = element.findall("row") or [_NOTHING]
    identifiers: dict[str, str] = {}
    dkim: list[Texts] = []
    spf: list[Texts] = []
    extension: dict[str, object] = {}
    for child in element:
        match child.tag:
            case "row":
                continue
            case "identifiers" | "identities":  # as drafts of the specification call them
                identifiers = identifiers or values_of(child)
                _add(extension, "identifiers", others(child, _IDENTIFIERS))
            case "auth_results":
                _add(extension, "auth_results", _add_results(child, dkim, spf))
            case name:
                extension[name] = plain(child)
    named: Texts = {name: domain_of(identifiers.get(name)) for name in _IDENTIFIERS}
    for row in rows:
        source, count = _counted(values_of(row))
        judged = row.find("policy_evaluated")
        evaluated = _evaluated(judged)
        dkim_aligned, spf_aligned = _passed(evaluated["dkim"]), _passed(evaluated["spf"])
        own = dict(extension)
        _add(own, "row", others(row, _ROW))
        _add(own, "policy_evaluated", {} if judged is None else others(judged, _EVALUATED))
        yield {
            "source_ip": source,
            "count": count,
            "policy_evaluated": evaluated,
            "identifiers": named,
            "auth_results": {"dkim": dkim, "spf": spf},
            "dkim_aligned": dkim_aligned,
            "spf_aligned": spf_aligned,
            "dmarc_passed": _either(dkim_aligned, spf_aligned),
            "extension": own,
        }


def _add(extension: dict[str, object], name: str, found: dict[str, object]) -> None:
    if found:
        extension[name] = found


def _add_results(element: Element, dkim: list[Texts], spf: list[Texts]) -> dict[str, object]:
    """Add what the methods gave, and return what is there beside it."""
    for one in element:
        if one.tag == "dkim" and len(one):
            dkim.append(_dkim(values_of(one)))
        elif one.tag == "spf" and len(one):
            spf.append(_spf(values_of(one)))
    beside: dict[str, list[object]] = {}
    for one in element:
        if one.tag in _RESULTS and (more := others(one, _RESULT)):
            beside.setdefault(one.tag, []).append(more)
    return others(element, _RESULTS) | beside


def whole_number(text: str | None) -> int | None:
    """Return the number that a text is, which some write as 3.0; None where it is none."""
    found = _NUMBER.fullmatch(text or "")
    return int(found[1]) if found else None


def lower(text: str | None) -> str | None:
    """Return a value that means the same in capitals in small letters."""
    return text.lower() if text is not None else None


def domain_of(text: str | None) -> str | None:
    """Return a domain in small letters, without the dot of the root behind it."""
    return text.lower().rstrip(".") or None if text is not None else None


def _counted(values: dict[str, str]) -> tuple[str, int]:
    source = values.get("source_ip")
    if source is None:
        raise LeftOutError("names no source_ip")
    if source.startswith("["):
        source = _LITERAL.sub(r"\1", source)
    if not _is_address(source):
        raise LeftOutError("has a source_ip that is no address")
    count = whole_number(values.get("count"))
    if count is None:
        raise LeftOutError("has a count that is no number" if "count" in values else "has no count")
    return source, count


def _is_address(text: str) -> bool:
    """Return whether it is one of IPv4 or IPv6; five times as fast as `ipaddress`."""
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)
    except (OSError, ValueError):
        return False
    return True


def _evaluated(element: Element | None) -> Evaluated:
    element = _NOTHING if element is None else element
    values = values_of(element)
    # Some write what it is without saying whether that is its type or a comment.
    reasons = [
        values_of(reason) or {"comment": text}
        for reason in element.iterfind("reason")
        if len(reason) or (text := (reason.text or "").strip())
    ]
    return {
        "disposition": lower(values.get("disposition")),
        "dkim": lower(values.get("dkim")),
        "spf": lower(values.get("spf")),
        "reason": [
            {"type": lower(reason.get("type")), "comment": reason.get("comment")} for reason in reasons if reason
        ],
    }


def _dkim(values: dict[str, str]) -> Texts:
    return {
        "domain": domain_of(values.get("domain")),
        "selector": values.get("selector"),
        "result": lower(values.get("result")),
        "human_result": values.get("human_result"),
    }


def _spf(values: dict[str, str]) -> Texts:
    return {
        "domain": domain_of(values.get("domain")),
        "scope": lower(values.get("scope")),
        "result": lower(values.get("result")),
        "human_result": values.get("human_result"),
    }


def _passed(result: str | None) -> bool | None:
    return None if result is None else result == "pass"


def _either(one: bool | None, other: bool | None) -> bool | None:  # noqa: FBT001  two of a kind
    if one or other:
        return True
    return None if one is None or other is None else False
