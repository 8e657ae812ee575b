"""Reports of encrypted connections."""

from __future__ import annotations

from mailevents_dagster_tests.deliverability.reports.samples import connections, one_tls, why


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
