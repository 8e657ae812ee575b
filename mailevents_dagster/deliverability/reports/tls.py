"""Reports of encrypted connections: RFC 8460."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import IO, Final

from mailevents_dagster.deliverability.reports.packing import damage_of
from mailevents_dagster.deliverability.reports.record import domain_of, whole_number
from mailevents_dagster.deliverability.reports.values import TLS, BrokenReportError, Fields, NotAReportError, Tls
from mailevents_dagster.files.json_text import NotJsonError, canonical, parse, without_halves

_LARGEST: Final = 2**24
_MOST_OBJECTS: Final = 200_000
"""As many as 50 MB hold in memory."""
_NAMED: Final = re.compile(r"[^!/]!([^!/]+)!\d+!\d+[^/]*\Z")
"""The domain in the name of a file, as RFC 8460 makes it."""
_MOST_NAMED: Final = 20
"""Faults that are named one by one."""
_METADATA: Final = ("organization_name", "report_id", "contact_info")
_KNOWN: Final = frozenset({*_METADATA, "date_range", "policies"})
_POLICY: Final = ("policy_type", "policy_domain", "policy_string", "mx_host")
_SUMMARY: Final = ("total_successful_session_count", "total_failure_session_count")


def read_tls(file: str, stream: IO[bytes]) -> Tls:
    """Return the report in a stream of JSON."""
    text = stream.read(_LARGEST + 1)
    if len(text) > _LARGEST:
        raise BrokenReportError(f"it is longer than {_LARGEST // 2**20} MB: no report of connections is")
    if text.count(b"{") > _MOST_OBJECTS:
        raise BrokenReportError(f"it holds more than {_MOST_OBJECTS:,} things: no report of connections does")
    try:
        found = parse(without_halves(text.removeprefix(b"\xef\xbb\xbf").strip()))
    except NotJsonError as error:
        if b'"policies"' not in text:
            raise NotAReportError("no report of connections, and no JSON") from error
        raise BrokenReportError(damage_of(stream) or f"it is no JSON: {error}") from error
    report = _object(found)
    if not isinstance(report.get("policies"), list | Mapping):
        if isinstance(found, list) and any("policies" in _object(one) for one in found):
            raise BrokenReportError("it is a list of reports: put each into a file of its own")
        raise NotAReportError("JSON, but no report of connections: it has no list of policies")
    lost: list[str] = []
    named = _NAMED.search(file)
    policies = tuple(_policies(_list(report["policies"]), domain_of(named[1]) if named else None, lost))
    if not policies:
        raise BrokenReportError("none of its policies can be read")
    covered = _object(report.get("date_range"))
    range_ = {name: _text(covered.get(name)) for name in ("start_datetime", "end_datetime")}
    others = {name: value for name, value in report.items() if name not in _KNOWN}
    metadata: Fields = {**others, **{name: _text(report.get(name)) for name in _METADATA}, "date_range": range_}
    key = (
        TLS,
        str(metadata["organization_name"] or ""),
        str(metadata["report_id"] or hashlib.sha256(canonical(report)).hexdigest()),
        ",".join(sorted({str(policy["policy"]["policy_domain"]) for policy in policies})),
        f"{range_['start_datetime']}-{range_['end_datetime']}",
    )
    more = [f"{len(lost) - _MOST_NAMED:,} more faults"] if len(lost) > _MOST_NAMED else []
    return Tls(file, key, metadata, policies, (*lost[:_MOST_NAMED], *more))


def _policies(found: list[object], named: str | None, lost: list[str]) -> Iterator[Fields]:
    """Yield the policies. Of one that does not say its domain the name of the file does: those of Postfix have none."""
    for number, one in enumerate(map(_object, found), 1):
        policy, summary = _object(_first(one.get("policy"))), _object(_first(one.get("summary")))
        counts = {name: _number(summary.get(name)) for name in _SUMMARY}
        domain = _domain(policy)
        if domain is None and set(counts.values()) == {None}:
            lost.append(f"policy {number} says nothing")
            continue
        if None in counts.values():
            lost.append(f"policy {number} does not say how many connections there were")
        domain = domain or named
        if domain is None:
            lost.append(f"policy {number} does not say of which domain it is")
        yield {
            **{name: value for name, value in one.items() if name not in ("policy", "summary", "failure_details")},
            "policy": dict.fromkeys(_POLICY) | policy | {"policy_domain": domain},
            "summary": summary | counts,
            "failure_details": [*_details(_list(one.get("failure_details")), number, lost)],
        }


def _details(found: list[object], policy: int, lost: list[str]) -> Iterator[Fields]:
    for number, one in enumerate(map(_object, found), 1):
        count = _number(one.get("failed_session_count"))
        if count is None:
            lost.append(f"failure {number} of policy {policy} does not say how many connections failed")
        yield one | {"failed_session_count": count}


def _object(value: object) -> Fields:
    """Return an object with its names as they are written here: small letters, underscores."""
    if not isinstance(value, Mapping):
        return {}
    return {str(name).lower().replace("-", "_"): inner for name, inner in value.items()}


def _list(value: object) -> list[object]:
    """Return a list, or one of the single thing that some write instead."""
    return value if isinstance(value, list) else [value] if isinstance(value, Mapping) else []


def _first(value: object) -> object:
    return next(iter(value), None) if isinstance(value, list) else value


def _domain(policy: Fields) -> str | None:
    return domain_of(_text(policy.get("policy_domain")))


def _text(value: object) -> str | None:
    """Return a text; a number and a list of texts as one."""
    if isinstance(value, list):
        return ", ".join(filter(None, map(_text, value))) or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value.strip() or None if isinstance(value, str) else None


def _number(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    return whole_number(str(value))
