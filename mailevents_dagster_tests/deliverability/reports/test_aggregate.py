"""Aggregate reports, as the specifications have them and as they are sent."""

from __future__ import annotations

import pytest

from mailevents_dagster_tests.deliverability.reports.samples import (
    METADATA,
    POLICY,
    aggregate,
    one_aggregate,
    record,
    why,
)


def test_a_report_says_who_reports_of_whom_and_when() -> None:
    report = one_aggregate(aggregate())
    assert report.metadata["org_name"] == "Receiver Inc."
    assert report.metadata["date_range"] == {"begin": 1795132800, "end": 1795219199}
    assert report.policy["domain"] == report.domain == "example.com"
    assert report.policy["p"] == "reject"
    assert report.policy["sp"] is None
    assert (report.faults, report.left_out) == ((), ())


def test_a_record_says_what_passed_and_what_is_aligned() -> None:
    (found,) = one_aggregate(aggregate(record("2001:DB8::1", 7))).records
    assert (found["source_ip"], found["count"]) == ("2001:DB8::1", 7)
    assert found["policy_evaluated"] == {"disposition": "none", "dkim": "pass", "spf": "fail", "reason": []}
    assert found["identifiers"]["header_from"] == "example.com"
    assert found["auth_results"]["spf"][0]["result"] == "pass"
    assert (found["dkim_aligned"], found["spf_aligned"], found["dmarc_passed"]) == (True, False, True)


def test_records_are_counted_and_can_be_read_twice() -> None:
    records = one_aggregate(aggregate(record(count=2), record("192.0.2.2", 5))).records
    assert (len(records), records.messages) == (2, 7)
    assert [*records] == [*records]


@pytest.mark.parametrize(
    ("dkim", "spf", "passed"),
    [("Pass", "FAIL", True), ("fail", "pass", True), ("fail", "fail", False), ("", "pass", True), ("", "fail", None)],
)
def test_dmarc_passes_where_either_is_aligned_and_nothing_is_guessed(dkim: str, spf: str, *, passed: bool) -> None:
    (found,) = one_aggregate(aggregate(record(dkim=dkim, spf=spf))).records
    assert found["dmarc_passed"] is passed


@pytest.mark.parametrize(
    "opening",
    [
        '<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">',
        '<feedback xmlns="http://dmarc.org/dmarc-xml/0.1" xmlns:xs="http://www.w3.org/2001/XMLSchema-instance">',
        '<feedback xsi:noNamespaceSchemaLocation="undeclared.xsd">',
    ],
    ids=["new", "old", "undeclared"],
)
def test_any_namespace_will_do(opening: str) -> None:
    report = one_aggregate(aggregate().replace(b"<feedback>", opening.encode()))
    assert len(report.records) == 1
    assert report.domain == "example.com"


def test_names_may_have_prefixes() -> None:
    text = aggregate().decode().replace("</", "</d:").replace("<d:", "<d:")
    for name in ("feedback", "record", "row", "source_ip", "count", "policy_published", "domain", "report_metadata"):
        text = text.replace(f"<{name}>", f"<d:{name}>")
    for name in ("report_id", "org_name", "email", "date_range", "begin", "end", "p", "dkim", "spf", "result"):
        text = text.replace(f"<{name}>", f"<d:{name}>")
    for name in ("policy_evaluated", "disposition", "identifiers", "header_from", "auth_results", "selector", "scope"):
        text = text.replace(f"<{name}>", f"<d:{name}>")
    text = text.replace("<d:feedback>", '<d:feedback xmlns:d="urn:ietf:params:xml:ns:dmarc-2.0">')
    report = one_aggregate(text.encode())
    assert report.domain == "example.com"
    assert [found["source_ip"] for found in report.records] == ["192.0.2.1"]


def test_the_fields_of_the_newer_specification_are_there() -> None:
    policy = (
        "<policy_published><domain>Example.COM</domain><discovery_method>treewalk</discovery_method><p>none</p>"
        "<sp>none</sp><np>reject</np><psd>n</psd><fo>1:d:s</fo><pct>50</pct><testing>y</testing></policy_published>"
        "<extension><vendor xmlns='urn:x'><seen>1</seen><seen>2</seen></vendor></extension>"
    )
    metadata = METADATA.replace("<report_id>", "<generator>G 1</generator><error>a</error><error>b</error><report_id>")
    report = one_aggregate(aggregate(record(more="<arc><result>pass</result></arc>"), metadata=metadata, policy=policy))
    assert report.domain == "example.com"
    assert {name: report.policy[name] for name in ("np", "psd", "fo", "pct", "testing", "discovery_method")} == {
        "np": "reject",
        "psd": "n",
        "fo": "1:d:s",
        "pct": 50,
        "testing": "y",
        "discovery_method": "treewalk",
    }
    assert (report.metadata["generator"], report.metadata["error"]) == ("G 1", ["a", "b"])
    assert report.extension == {"extension": {"vendor": {"@xmlns": "urn:x", "seen": ["1", "2"]}}}
    assert next(iter(report.records))["extension"] == {"arc": {"result": "pass"}}


def test_several_results_and_reasons_are_kept_and_empty_ones_are_not() -> None:
    agreed = "<reason/><reason>as agreed</reason>"
    many = (
        record()
        .replace(
            "</policy_evaluated>",
            f"<reason><type>Forwarded</type></reason>{agreed}</policy_evaluated>",
        )
        .replace("<auth_results>", "<auth_results><dkim/><dkim><domain>B.example</domain><result>fail</result></dkim>")
    )
    (found,) = one_aggregate(aggregate(many)).records
    assert found["policy_evaluated"]["reason"] == [
        {"type": "forwarded", "comment": None},
        {"type": None, "comment": "as agreed"},
    ]
    assert [result["domain"] for result in found["auth_results"]["dkim"]] == ["b.example", "example.com"]


def test_drafts_that_are_still_sent_call_identifiers_identities() -> None:
    (found,) = one_aggregate(aggregate(record().replace("identifiers", "identities"))).records
    assert found["identifiers"]["header_from"] == "example.com"


def test_a_record_with_several_rows_is_as_many_records() -> None:
    row = record("192.0.2.9", 4).partition("<identifiers>")[0].partition("<record>")[2]
    report = one_aggregate(aggregate(record().replace("<identifiers>", f"{row}<identifiers>")))
    assert [(found["source_ip"], found["count"]) for found in report.records] == [("192.0.2.1", 3), ("192.0.2.9", 4)]
    assert {found["identifiers"]["header_from"] for found in report.records} == {"example.com"}


@pytest.mark.parametrize("literal", ["[192.0.2.1]", "[2001:db8::1]", "[IPv6:2001:db8::1]"])
def test_an_address_may_stand_in_brackets(literal: str) -> None:
    (found,) = one_aggregate(aggregate(record(literal))).records
    assert found["source_ip"] in ("192.0.2.1", "2001:db8::1")


def test_a_domain_is_the_same_with_the_dot_of_the_root() -> None:
    report = one_aggregate(aggregate(policy=POLICY.replace("example.com", "Example.COM.")))
    assert report.domain == "example.com"
    dotted = record().replace("<header_from>example.com<", "<header_from>example.com.<")
    (found,) = one_aggregate(aggregate(dotted)).records
    assert found["identifiers"]["header_from"] == "example.com"


def test_the_same_report_has_the_same_key_and_another_has_not() -> None:
    one, again = one_aggregate(aggregate()), one_aggregate(aggregate(record("192.0.2.9")))
    assert one.key == again.key
    assert one_aggregate(aggregate(metadata=METADATA.replace(".1<", ".2<"))).key != one.key
    assert one_aggregate(aggregate(policy=POLICY.replace("example.com", "example.org"))).key != one.key


def test_a_report_without_an_id_is_known_by_its_content() -> None:
    nameless = METADATA.replace("<report_id>2026-11-20.1</report_id>", "")
    one = one_aggregate(aggregate(metadata=nameless))
    assert one.metadata["report_id"] is None
    assert one.key == one_aggregate(aggregate(metadata=nameless)).key
    assert one.key != one_aggregate(aggregate(record(count=4), metadata=nameless)).key


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (record(count=""), "record 2 has no count"),
        (record(count="many"), "record 2 has a count that is no number"),
        (record(count=-1), "record 2 has a count that is no number"),
        (record(source=""), "record 2 names no source_ip"),
        (record(count=10**12), "record 2 has a count that is no number"),
        (record(source="somewhere"), "record 2 has a source_ip that is no address"),
        ("<record><identifiers/></record>", "record 2 names no source_ip"),
    ],
    ids=["no-count", "words", "negative", "more-than-there-are", "no-ip", "no-address", "no-row"],
)
def test_a_record_that_cannot_be_counted_is_left_out_and_named(broken: str, said: str) -> None:
    report = one_aggregate(aggregate(record(), broken, record("192.0.2.3")))
    assert [found["source_ip"] for found in report.records] == ["192.0.2.1", "192.0.2.3"]
    assert report.left_out == (said,)


def test_of_many_records_that_are_left_out_not_all_are_named() -> None:
    report = one_aggregate(aggregate(record(), *[record(count="x")] * 100))
    assert len(report.left_out) == 21
    assert report.left_out[-1] == "80 more records"


def test_empty_records_and_no_records_are_said() -> None:
    assert one_aggregate(aggregate("<record/>", record(), "<record></record>")).faults == (
        "records with nothing in them: 2",
    )
    assert one_aggregate(aggregate("<record/>")).faults[-1] == "it has no records"


def test_what_is_whole_of_a_report_that_breaks_off_is_kept() -> None:
    whole = aggregate(record(), record("192.0.2.2"), record("192.0.2.3"))
    report = one_aggregate(whole[: whole.index(b"192.0.2.3") + 4])
    assert [found["source_ip"] for found in report.records] == ["192.0.2.1", "192.0.2.2"]
    assert report.left_out[0].startswith("what stands behind line ")


def test_a_record_that_ended_before_the_file_did_is_whole() -> None:
    report = one_aggregate(aggregate(record(), record("192.0.2.2")).replace(b"</feedback>", b""))
    assert len(report.records) == 2
    assert report.left_out


@pytest.mark.parametrize("more", [b"junk", bytes(100), b"<more/>", b"</feedback>", b"&amp;"], ids=repr)
def test_what_stands_behind_the_end_of_a_report_takes_nothing_from_it(more: bytes) -> None:
    report = one_aggregate(aggregate(record(), record("192.0.2.2")) + more)
    assert len(report.records) == 2
    assert report.faults == ("something stands behind its end",)
    assert report.left_out == ()


@pytest.mark.parametrize("between", [b"", b"\n<?xml version='1.0'?>\n"], ids=["root", "document"])
def test_another_report_behind_the_end_of_one_is_said_to_be_left_out(between: bytes) -> None:
    other = aggregate(record("192.0.2.2")).partition(b"\n")[2]
    report = one_aggregate(aggregate() + between + other)
    assert [found["source_ip"] for found in report.records] == ["192.0.2.1"]
    assert report.left_out == ("another report that stands behind its end: put each into a file of its own",)


def test_a_report_that_breaks_off_before_its_first_record_is_broken() -> None:
    whole = aggregate()
    assert why(whole[: whole.index(b"<record>")]).startswith("line ")


def test_dates_are_numbers_or_name_their_zone() -> None:
    def begins(text: str) -> int | None:
        report = one_aggregate(aggregate(metadata=METADATA.replace("1795132800", text)))
        begin = report.metadata["date_range"]["begin"]
        assert begin is None or isinstance(begin, int)
        return begin

    assert begins("1795132800.0") == begins("2026-11-20T00:00:00Z") == 1795132800
    assert begins("2026-11-20 00:00:00") is None
    assert begins("yesterday") is None


def test_a_date_that_is_no_moment_is_said() -> None:
    report = one_aggregate(aggregate(metadata=METADATA.replace("1795132800", "2026-11-20 00:00:00")))
    assert report.faults == ("its begin is no moment: 2026-11-20 00:00:00",)
