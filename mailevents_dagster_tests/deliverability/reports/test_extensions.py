"""What no specification has is kept, wherever it stands."""

from __future__ import annotations

import pytest

from mailevents_dagster_tests.deliverability.reports.samples import METADATA, POLICY, aggregate, one_aggregate, record


@pytest.mark.parametrize("name", ["row", "policy_evaluated", "identifiers", "auth_results"])
def test_what_a_record_has_beside_what_it_should_is_kept(name: str) -> None:
    odd = record().replace(f"</{name}>", f"<arc><result>pass</result></arc></{name}>")
    (found,) = one_aggregate(aggregate(odd)).records
    assert found["extension"] == {name: {"arc": {"result": "pass"}}}


def test_what_a_result_has_beside_what_it_should_is_kept() -> None:
    odd = record().replace("<scope>", "<dnssec>yes</dnssec><scope>")
    (found,) = one_aggregate(aggregate(odd)).records
    assert found["extension"] == {"auth_results": {"spf": [{"dnssec": "yes"}]}}


def test_what_is_odd_in_one_row_is_not_told_of_another() -> None:
    row = record("192.0.2.9").partition("<identifiers>")[0].partition("<record>")[2]
    odd = row.replace("</row>", "<note>1</note></row>")
    records = one_aggregate(aggregate(record().replace("<identifiers>", f"{odd}<identifiers>"))).records
    assert [found["extension"] for found in records] == [{}, {"row": {"note": "1"}}]


def test_what_a_report_says_of_itself_and_of_the_policy_beside_what_it_should_is_kept() -> None:
    metadata = METADATA.replace("<email>", "<pages>2</pages><email>")
    report = one_aggregate(aggregate(metadata=metadata, policy=POLICY.replace("<p>", "<t>y</t><p>")))
    assert report.extension == {"report_metadata": {"pages": "2"}, "policy_published": {"t": "y"}}


def test_an_extension_keeps_its_attributes_and_its_text() -> None:
    more = "<extension><v:arc xmlns:v='urn:v' lang='en'>never</v:arc>so far</extension><extension>b</extension>"
    report = one_aggregate(aggregate().replace(b"</feedback>", more.encode() + b"</feedback>"))
    arc = {"@xmlns:v": "urn:v", "@lang": "en", "#text": "never"}
    assert report.extension == {"extension": [{"arc": arc, "#text": "so far"}, "b"]}


def test_what_may_be_there_once_is_said_to_be_there_again() -> None:
    report = one_aggregate(aggregate(metadata=METADATA + METADATA.replace("Receiver", "Other")))
    assert report.metadata["org_name"] == "Receiver Inc."
    assert report.faults == ("it has more than one report_metadata: the first counts",)
