"""Reports of encrypted connections: RFC 8460."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import IO, Final

from mailevents_dagster.deliverability.reports.packing import damage_of
from mailevents_dagster.deliverability.reports.record import lower, whole_number
from mailevents_dagster.deliverability.reports.values import TLS, BrokenReportError, Fields, NotAReportError, Tls
from mailevents_dagster.files.json_text import NotJsonError, canonical, parse

_LARGEST: Final = 2**24
_METADATA: Final = ("organization_name", "report_id", "contact_info")
_POLICY: Final = ("policy_type", "policy_domain", "policy_string", "mx_host")
_SUMMARY: Final = ("total_successful_session_count", "total_failure_session_count")
_DETAIL: Final = (
    "result_type",
    "sending_mta_ip",
    "receiving_mx_hostname",
    "receiving_mx_helo",
    "receiving_ip",
    "failed_session_count",
    "additional_information",
    "failure_reason_code",
)


def read_tls(file: str, stream: IO[bytes]) -> Tls:
    """Return the report in a stream of JSON."""
    text = stream.read(_LARGEST + 1)
    if len(text) > _LARGEST:
        raise BrokenReportError(f"it is longer than {_LARGEST // 2**20} MB: no report of connections is")
    try:
        report = _object(parse(text.removeprefix(b"\xef\xbb\xbf").strip()))
    except NotJsonError as error:
        if b'"policies"' not in text:
            raise NotAReportError("no report of connections, and no JSON") from error
        raise BrokenReportError(damage_of(stream) or f"it is no JSON: {error}") from error
    if not isinstance(report.get("policies"), list):
        raise NotAReportError("JSON, but no report of connections: it has no list of policies")
    lost: list[str] = []
    policies = tuple(_policies(report["policies"], lost))
    if not policies:
        raise BrokenReportError("none of its policies can be read")
    covered = _object(report.get("date_range"))
    range_ = {name: _text(covered.get(name)) for name in ("start_datetime", "end_datetime")}
    metadata: Fields = {**{name: _text(report.get(name)) for name in _METADATA}, "date_range": range_}
    key = (
        TLS,
        str(metadata["organization_name"] or ""),
        str(metadata["report_id"] or hashlib.sha256(canonical(report)).hexdigest()),
        ",".join(sorted({str(policy["policy"]["policy_domain"]) for policy in policies})),
        f"{range_['start_datetime']}-{range_['end_datetime']}",
    )
    return Tls(file, key, metadata, policies, tuple(lost))


def _policies(found: list[object], lost: list[str]) -> Iterator[Fields]:
    for number, one in enumerate(map(_object, found), 1):
        policy, summary = _object(one.get("policy")), _object(one.get("summary"))
        counts = {name: _number(summary.get(name)) for name in _SUMMARY}
        if _domain(policy) is None and set(counts.values()) == {None}:
            lost.append(f"policy {number} says nothing")
            continue
        if None in counts.values():
            lost.append(f"policy {number} does not say how many connections there were")
        details = one.get("failure_details")
        yield {
            "policy": {name: policy.get(name) for name in _POLICY} | {"policy_domain": _domain(policy)},
            "summary": counts,
            "failure_details": [*_details(details if isinstance(details, list) else [], number, lost)],
        }


def _details(found: list[object], policy: int, lost: list[str]) -> Iterator[Fields]:
    for number, one in enumerate(map(_object, found), 1):
        count = _number(one.get("failed_session_count"))
        if count is None:
            lost.append(f"failure {number} of policy {policy} does not say how many connections failed")
        detail: Fields = {name: one[name] for name in _DETAIL if name in one}
        yield detail | {"failed_session_count": count}


def _object(value: object) -> Fields:
    """Return an object with its names as they are written here: small letters, underscores."""
    if not isinstance(value, Mapping):
        return {}
    return {str(name).lower().replace("-", "_"): inner for name, inner in value.items()}


def _domain(policy: Fields) -> str | None:
    return lower(_text(policy.get("policy_domain")))


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _number(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    return whole_number(str(value))
