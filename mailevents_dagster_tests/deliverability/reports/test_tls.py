"""Reports of encrypted connections."""

from __future__ import annotations

import json

from mailevents_dagster.deliverability.reports.values import Tls
from mailevents_dagster_tests.deliverability.reports.samples import connections, gzipped, one_tls, read, why


def test_names_are_written_with_underscores_and_numbers_are_numbers() -> None:
    report = one_tls(connections())
    assert report.metadata == {
        "organization_name": "Receiver Inc.",
        "report_id": "tls-1",
        "contact_info": "tls@receiver.example",
        "date_range": {"start_datetime": "2026-11-20T00:00:00Z", "end_datetime": "2026-11-20T23:59:59Z"},
    }
    first, second = report.policies
    assert first["policy"]["policy_domain"] == "example.com"
    assert first["policy"]["mx_host"] == ["mx.example.com"]
    assert first["failure_details"] == [{"result_type": "certificate-expired", "failed_session_count": 2}]
    assert second["summary"] == {"total_successful_session_count": 1, "total_failure_session_count": 0}
    assert second["failure_details"] == []


def test_the_same_report_has_the_same_key() -> None:
    assert one_tls(connections()).key == one_tls(b"\xef\xbb\xbf" + connections()).key
    assert one_tls(connections()).key != one_tls(connections(**{"report-id": "tls-2"})).key
    nameless = {"report-id": None}
    assert one_tls(connections(**nameless)).key == one_tls(connections(**nameless)).key


def test_what_is_not_said_is_null_and_named() -> None:
    policies = [
        {"policy": {"policy-domain": "a.example"}},
        {
            "policy": {"policy-domain": "b.example"},
            "summary": {"total-successful-session-count": 1, "total-failure-session-count": 0},
            "failure-details": [{"result-type": "x"}, None, {"failed-session-count": True}],
        },
        "nonsense",
    ]
    report = one_tls(connections(policies=policies))
    assert [policy["policy"]["policy_domain"] for policy in report.policies] == ["a.example", "b.example"]
    assert set(report.policies[0]["summary"].values()) == {None}
    assert [one["failed_session_count"] for one in report.policies[1]["failure_details"]] == [None, None, None]
    assert report.left_out == (
        "policy 1 does not say how many connections there were",
        "failure 1 of policy 2 does not say how many connections failed",
        "failure 2 of policy 2 does not say how many connections failed",
        "failure 3 of policy 2 does not say how many connections failed",
        "policy 3 says nothing",
    )


def test_a_report_without_policies_is_none() -> None:
    assert why(connections(policies=[])) == "none of its policies can be read"
    assert why(connections(policies="x")).endswith("it has no list of policies")
    assert why(connections()[:-3]).startswith("it is no JSON")


def test_single_things_may_stand_where_lists_should() -> None:
    (policy,) = json.loads(connections())["policies"][:1]
    (failure,) = policy["failure-details"]
    report = one_tls(connections(policies=policy | {"failure-details": failure}))
    assert report.policies[0]["failure_details"][0]["failed_session_count"] == 2
    listed = one_tls(connections(policies=[policy | {"policy": [policy["policy"]]}]))
    assert listed.policies[0]["policy"]["policy_domain"] == "example.com"


def test_what_the_specification_does_not_have_is_kept() -> None:
    policy = {
        "policy": {"policy-type": "sts", "policy-domain": "example.com", "mx-host-pattern": ["*.example.com"]},
        "summary": {"total-successful-session-count": 1, "total-failure-session-count": 0, "resumed": 1},
        "failure-details": [{"result-type": "x", "failed-session-count": 1, "attempts": 3}],
        "note": "n",
    }
    report = one_tls(connections(policies=[policy], generator="G"))
    assert report.metadata["generator"] == "G"
    (found,) = report.policies
    assert found["policy"]["mx_host_pattern"] == ["*.example.com"]
    assert found["summary"]["resumed"] == 1
    assert found["failure_details"][0]["attempts"] == 3
    assert found["note"] == "n"


def test_texts_may_be_numbers_and_lists() -> None:
    report = one_tls(connections(**{"report-id": 12, "contact-info": ["a@example.net", "b@example.net"]}))
    assert (report.metadata["report_id"], report.metadata["contact_info"]) == ("12", "a@example.net, b@example.net")


def test_a_policy_without_a_domain_is_of_that_in_the_name_of_the_file_or_is_named() -> None:
    counts = {"total-successful-session-count": 1, "total-failure-session-count": 0}
    content = connections(policies=[{"policy": {"policy-type": "no-policy-found"}, "summary": counts}])
    assert one_tls(content).left_out == ("policy 1 does not say of which domain it is",)
    (named,) = read(gzipped(content), "1.eml/receiver.example!Example.com!1795132800!1795219199!001.json.gz")
    assert isinstance(named, Tls)
    assert (named.policies[0]["policy"]["policy_domain"], named.left_out) == ("example.com", ())


def test_half_a_character_is_replaced() -> None:
    for escape, shown in (("\\ud800", "\ufffd"), ("\\ud83d\\ude00", "\U0001f600"), ("\\\\ud800", "\\ud800")):
        text = connections().decode().replace("Receiver Inc.", escape)
        assert ascii(one_tls(text.encode()).metadata["organization_name"]) == ascii(shown)


def test_a_list_of_reports_is_broken_and_says_what_to_do() -> None:
    assert why(b"[" + connections() + b"]") == "it is a list of reports: put each into a file of its own"


def test_of_many_faults_not_all_are_named() -> None:
    report = one_tls(connections(policies=[{"policy": {"policy-domain": "example.com"}}] * 100))
    assert len(report.left_out) == 21
    assert report.left_out[-1] == "80 more faults"


def test_json_of_countless_things_is_refused() -> None:
    assert why(b'{"policies":[' + b"{}," * 300_000 + b"{}]}").startswith("it holds more than ")
