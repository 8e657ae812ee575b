"""Rows of a day: what reports say of a domain, and which reports said it."""

from __future__ import annotations

import hashlib
import ipaddress
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa

from mailevents_dagster.deliverability.reports.records import Record
from mailevents_dagster.deliverability.reports.values import BROKEN, Aggregate, Broken, Feedback, Report, Tls
from mailevents_dagster.files.json_text import canonical
from mailevents_dagster.model.columns import Column

_TEXT: Final = pa.string()
_TIME: Final = pa.timestamp("s", tz="UTC")

COLUMNS: Final = (
    Column("kind", _TEXT, "What reported: dmarc-aggregate, dmarc-failure, tls, or broken, which could not be read."),
    Column("report", _TEXT, "Names the report for ever: one that arrives again has the same."),
    Column("org_name", _TEXT, "Who reports."),
    Column("report_id", _TEXT, "The reporter's own id of the report."),
    Column("begin", _TIME, "The beginning of what the report covers."),
    Column("end", _TIME, "The end of what the report covers."),
    Column("policy", _TEXT, "The policy that the reporter found: none, quarantine, reject."),
    Column("source_ip", _TEXT, "The address that sent; null in a row that says no more than that there was a report."),
    Column("network", _TEXT, "The network of the address (/24, or /48 of IPv6), by which a source is known or new."),
    Column("header_from", _TEXT, "The domain in From."),
    Column("envelope_from", _TEXT, "The domain of the envelope's sender."),
    Column("disposition", _TEXT, "What the receiver did: none, pass, quarantine, reject."),
    Column("dkim_aligned", pa.bool_(), "Whether a signature of the domain is valid."),
    Column("spf_aligned", pa.bool_(), "Whether the domain's SPF allows the address."),
    Column("dmarc_passed", pa.bool_(), "Whether either is so."),
    Column("dkim_keys", pa.list_(_TEXT), "The keys of the signatures that were found, as selector._domainkey.domain."),
    Column("messages", pa.int64(), "How many mails."),
    Column("sessions", pa.int64(), "Of a TLS report: connections that were encrypted as they should."),
    Column("failed_sessions", pa.int64(), "Of a TLS report: connections that were not."),
    Column("is_new", pa.bool_(), "Whether no report of an earlier day names the network."),
    Column("text", _TEXT, "Why a connection or a mail failed, or a report cannot be read."),
)
SCHEMA: Final = pa.schema([column.field for column in COLUMNS])

Row = dict[str, Any]


def report_name(report: Report | Broken) -> str:
    """Return what names a report for ever, without saying what is in it."""
    key = (BROKEN, report.file, report.why) if isinstance(report, Broken) else report.key
    return hashlib.blake2b(canonical(key), digest_size=16).hexdigest()


def rows_of(report: Report | Broken, domain: str) -> Iterator[Row]:
    """Yield the rows of a report, of which the first says that it was there; none where it is not of the domain."""
    head = {"kind": report.kind, "report": report_name(report)}
    match report:
        case Broken():
            yield head | {"text": f"{report.file}: {report.why}"}
        case Aggregate():
            yield from _of_aggregate(report, domain, head)
        case Tls():
            yield from _of_tls(report, domain, head)
        case Feedback(kind="dmarc-failure"):
            yield from _of_failure(report, domain, head)
        case Feedback():
            return


def network_of(address: str) -> str:
    """Return the network by which a source is known: providers send from many addresses of one."""
    ip = ipaddress.ip_address(address)
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    ip = mapped or ip
    return str(ipaddress.ip_network(f"{ip}/{24 if ip.version == 4 else 48}", strict=False))


def _of_aggregate(report: Aggregate, domain: str, head: Row) -> Iterator[Row]:
    is_own = report.domain == domain
    counted: Counter[tuple[Any, ...]] = Counter()
    for record in report.records:
        if is_own or _is_of(record["identifiers"]["header_from"], domain):
            counted[_group(record)] += record["count"]
    if not is_own and not counted:
        return
    covered = report.metadata["date_range"]
    head |= {
        "org_name": report.metadata["org_name"] or report.metadata["email"],
        "report_id": report.metadata["report_id"],
        "begin": _moment(covered["begin"]),
        "end": _moment(covered["end"]),
        "policy": report.policy["p"],
    }
    yield head | {"text": "; ".join(report.left_out) or None}
    for group, messages in counted.items():
        source, from_, sender, disposition, dkim, spf, passed, keys = group
        yield head | {
            "source_ip": source,
            "network": network_of(source),
            "header_from": from_,
            "envelope_from": sender,
            "disposition": disposition,
            "dkim_aligned": dkim,
            "spf_aligned": spf,
            "dmarc_passed": passed,
            "dkim_keys": list(keys),
            "messages": messages,
        }


def _group(record: Record) -> tuple[Any, ...]:
    """Return what mails of one source have in common."""
    keys = sorted(
        {
            f"{one['selector']}._domainkey.{one['domain']}"
            for one in record["auth_results"]["dkim"]
            if one["selector"] and one["domain"]
        }
    )
    identifiers = record["identifiers"]
    return (
        str(ipaddress.ip_address(record["source_ip"])),
        identifiers["header_from"],
        identifiers["envelope_from"],
        record["policy_evaluated"]["disposition"],
        record["dkim_aligned"],
        record["spf_aligned"],
        record["dmarc_passed"],
        tuple(keys),
    )


def _of_tls(report: Tls, domain: str, head: Row) -> Iterator[Row]:
    own = [policy for policy in report.policies if _is_of(policy["policy"]["policy_domain"], domain)]
    head |= {"org_name": report.metadata["organization_name"], "report_id": report.metadata["report_id"]}
    if own and report.left_out:
        yield head | {"text": "; ".join(report.left_out)}
    for policy in own:
        summary = policy["summary"]
        yield head | {
            "policy": str(policy["policy"]["policy_type"] or "unknown"),
            "sessions": summary["total_successful_session_count"],
            "failed_sessions": summary["total_failure_session_count"],
            "text": ", ".join(sorted({str(one.get("result_type")) for one in policy["failure_details"]})) or None,
        }


def _of_failure(report: Feedback, domain: str, head: Row) -> Iterator[Row]:
    domains = [*report.feedback.get("reported_domain", ()), str(report.original.get("from") or "").rpartition("@")[2]]
    own = next((one for one in map(str.lower, domains) if _is_of(one, domain)), None)
    if own is not None:
        text = report.feedback.get("auth_failure")
        yield head | {"header_from": own, "source_ip": report.feedback.get("source_ip"), "text": text}


def _is_of(name: str | None, domain: str) -> bool:
    return name is not None and (name == domain or name.endswith(f".{domain}"))


def _moment(seconds: int | None) -> datetime | None:
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
