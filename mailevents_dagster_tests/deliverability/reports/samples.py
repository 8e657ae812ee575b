"""Reports made for tests."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Iterable

from mailevents_dagster.deliverability.reports.reading import read_reports
from mailevents_dagster.deliverability.reports.values import Aggregate, Broken, Feedback, Report, Tls

METADATA = """
  <report_metadata>
    <org_name>Receiver Inc.</org_name>
    <email>dmarc@receiver.example</email>
    <report_id>2026-11-20.1</report_id>
    <date_range><begin>1795132800</begin><end>1795219199</end></date_range>
  </report_metadata>
"""
POLICY = "<policy_published><domain>example.com</domain><p>reject</p></policy_published>"


def record(
    source: str = "192.0.2.1", count: object = 3, *, dkim: str = "pass", spf: str = "fail", more: str = ""
) -> str:
    return f"""
  <record>
    <row>
      <source_ip>{source}</source_ip>
      <count>{count}</count>
      <policy_evaluated><disposition>none</disposition><dkim>{dkim}</dkim><spf>{spf}</spf></policy_evaluated>
    </row>
    <identifiers><header_from>example.com</header_from></identifiers>
    <auth_results>
      <dkim><domain>example.com</domain><selector>s1</selector><result>pass</result></dkim>
      <spf><domain>bounces.example.net</domain><scope>mfrom</scope><result>pass</result></spf>
    </auth_results>{more}
  </record>"""


def aggregate(*records: str, metadata: str = METADATA, policy: str = POLICY) -> bytes:
    inner = "".join(records or (record(),))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<feedback>{metadata}{policy}{inner}\n</feedback>\n'.encode()


def connections(**more: object) -> bytes:
    return json.dumps(
        {
            "organization-name": "Receiver Inc.",
            "date-range": {"start-datetime": "2026-11-20T00:00:00Z", "end-datetime": "2026-11-20T23:59:59Z"},
            "contact-info": "tls@receiver.example",
            "report-id": "tls-1",
            "policies": [
                {
                    "policy": {"policy-type": "sts", "policy-domain": "Example.com", "mx-host": ["mx.example.com"]},
                    "summary": {"total-successful-session-count": 10, "total-failure-session-count": 2},
                    "failure-details": [{"result-type": "certificate-expired", "failed-session-count": 2}],
                },
                {
                    "policy": {"policy-type": "no-policy-found", "policy-domain": "example.com"},
                    "summary": {"total-successful-session-count": "1", "total-failure-session-count": 0},
                },
            ],
        }
        | more
    ).encode()


def zipped(*files: tuple[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return packed.getvalue()


def gzipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def read(content: bytes, name: str = "report") -> list[Report | Broken]:
    return [*read_reports(name, io.BytesIO(content))]


def one_aggregate(content: bytes) -> Aggregate:
    (report,) = read(content)
    assert isinstance(report, Aggregate), report
    return report


def one_tls(content: bytes) -> Tls:
    (report,) = read(content)
    assert isinstance(report, Tls), report
    return report


def one_feedback(content: bytes) -> Feedback:
    (report,) = read(content)
    assert isinstance(report, Feedback), report
    return report


def why(content: bytes) -> str:
    (report,) = read(content)
    assert isinstance(report, Broken), report
    return report.why


def kinds(reports: Iterable[Report | Broken]) -> list[str]:
    return [report.kind for report in reports]
