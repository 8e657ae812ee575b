"""Records that are not as one would like them: nothing breaks, and each is counted where the page of numbers says."""

from __future__ import annotations

from typing import Any

import pytest

from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.store.store import Store
from mailevents_dagster.summaries.counts import numbers_of
from mailevents_dagster.summaries.kinds import KINDS
from mailevents_dagster_tests.conftest import AUTHENTICATION, DOMAIN, INCOMING
from mailevents_dagster_tests.summaries.days import NOON, count, counted, keep

AT = NOON.start + 60
QUARANTINE = feed_of(DOMAIN, "quarantine/quarantine")


def mail(*recipients: object, at: int = AT, **fields: object) -> dict[str, Any]:
    return {"queue_id": "Q1", "time": at, "mailfrom": "x@example.org", "recipients": list(recipients), **fields}


def to(mailto: str = "a@example.com", at: int = AT, **fields: object) -> dict[str, Any]:
    return {"time": at, "mailto": mailto, **fields}


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({}, "unknown"),
        ({"status": None}, "unknown"),
        ({"status": ""}, "unknown"),
        ({"status": " Delivered "}, "delivered"),
        ({"status": "sent"}, "delivered"),
        ({"status": "relayed by pigeon"}, "other"),
        ({"status": "relayed by pigeon", "status_code": "2.0.0"}, "delivered"),
        ({"status_code": "4.7.1"}, "deferred"),
        ({"status_code": 550}, "bounced"),
        ({"status": 250}, "delivered"),
        ({"status": ["sent"]}, "other"),
        ({"status": {"code": 1}}, "other"),
        ({"status": True}, "other"),
        ({"status": "held"}, "held"),
        ({"status": "delivered", "status_code": "5.1.1"}, "delivered"),
        ({"status": "discarded", "status_code": "2.7.0"}, "other"),
        ({"status": "a\x1fb", "status_code": "\x1f"}, "other"),
    ],
    ids=str,
)
def test_an_outcome_is_that_of_the_status_or_else_of_the_code(
    store: Store, fields: dict[str, Any], outcome: str
) -> None:
    keep(store, INCOMING, NOON, [mail(to(**fields))])

    assert counted(count(store, "deliverability", INCOMING), "outcome") == {outcome: 1}


@pytest.mark.parametrize(
    ("code", "answer", "name"),
    [
        ("5.1.1", None, "address"),
        ("5.2.1", None, "mailbox"),
        ("5.2.2", None, "over_quota"),
        ("4.2.2", None, "over_quota"),
        ("5.7.26", None, "policy"),
        ("5.4.4", None, "routing"),
        ("5.5.0", None, "other"),
        ("2.0.0", None, "other"),
        ("5.1", None, "no_code"),
        ("6.1.1", None, "no_code"),
        ("banana", None, "no_code"),
        (None, None, "no_code"),
        (None, "mailbox full, over quota", "no_code"),
        (None, "see 5.1.1 of our rules", "no_code"),
        (550, "550 5.1.1 no such user", "address"),
        ("", "552-5.2.2 full", "over_quota"),
        ({"a": 1}, "550 5.7.1: no", "policy"),
        ("5.7.1", "550 5.1.1 no such user", "policy"),
    ],
    ids=str,
)
def test_a_bounce_is_classed_by_its_code_and_never_by_words(
    store: Store, code: object, answer: str | None, name: str
) -> None:
    keep(store, INCOMING, NOON, [mail(to(status="bounced", status_code=code, status_string=answer))])

    assert counted(count(store, "deliverability", INCOMING), "bounce_class") == {name: 1}


def test_each_recipient_counts_and_the_same_one_twice_is_one(store: Store) -> None:
    keep(
        store,
        INCOMING,
        NOON,
        [mail(to("a@b.example", status="sent"), to("c@b.example", status="bounced"), to("A@B.example", status="sent"))],
    )

    found = count(store, "deliverability", INCOMING)

    assert counted(found, "outcome") == {"delivered": 1, "bounced": 1}
    assert counted(found, "recipient_domain") == {"b.example": 2}


def test_a_mail_deferred_and_then_delivered_is_delivered_and_its_time_runs_from_its_first_record(store: Store) -> None:
    later = NOON.next.start + 100
    deferred = mail(to(status="deferred", status_code="4.7.1"), message_id="<m@x>", queue_id="Q1")
    delivered = mail(to(at=later, status="delivered"), at=later, message_id="<m@x>", queue_id="Q2")
    keep(store, INCOMING, NOON, [deferred])
    keep(store, INCOMING, NOON.next, [delivered])

    found = count(store, "deliverability", INCOMING)

    assert counted(found, "outcome") == {"delivered": 1}
    assert counted(found, "deferral_class") == {}
    assert numbers_of(found, "delivery_seconds") == {later - AT: 1}


def test_the_last_status_counts_wherever_it_stands(store: Store) -> None:
    bounced, delivered = to(at=AT + 5, status="bounced", status_code="5.1.1"), to(at=AT, status="delivered")
    keep(store, INCOMING, NOON, [mail(bounced, delivered)])

    assert counted(count(store, "deliverability", INCOMING), "outcome") == {"bounced": 1}


def test_a_message_that_comes_again_is_one_and_without_any_id_each_is_its_own(store: Store) -> None:
    again = [mail(to(status="sent"), message_id="<same@x>", queue_id=f"Q{n}") for n in range(3)]
    alone = [{"time": AT, "recipients": [to(status="sent")]} for _ in range(2)]
    by_queue = [mail(to(status="sent"), queue_id="Q9", message_id=None) for _ in range(2)]
    keep(store, INCOMING, NOON, [*again, *alone, *by_queue])

    assert counted(count(store, "deliverability", INCOMING), "outcome") == {"delivered": 1 + 2 + 1}


def test_the_same_mail_in_and_out_is_two(store: Store) -> None:
    outgoing = feed_of(DOMAIN, "mail/outgoinglog")
    for feed in (INCOMING, outgoing):
        keep(store, feed, NOON, [mail(to(status="sent"), message_id="<m@x>")])

    assert counted(count(store, "deliverability", INCOMING, outgoing), "outcome") == {"delivered": 2}


def test_mails_without_recipients_and_with_strange_ones_are_counted(store: Store) -> None:
    records: list[dict[str, Any]] = [
        {"queue_id": "Q1", "time": AT},
        {"queue_id": "Q2", "time": AT, "recipients": None},
        {"queue_id": "Q3", "time": AT, "recipients": []},
        {"queue_id": "Q4", "time": AT, "recipients": "a@example.com"},
        {"queue_id": "Q5", "time": AT, "recipients": [None, 7, {}]},
        {"queue_id": "Q6", "time": AT, "recipients": {"mailto": "a@example.com", "status": "sent"}},
    ]
    keep(store, INCOMING, NOON, records)

    found = count(store, "deliverability", INCOMING)

    assert counted(found, "outcome") == {"unknown": 4 + 3, "delivered": 1}
    assert KINDS["deliverability"].numbers(found)["deliveries_timed"] == 0, "no time, no duration"


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("x@Example.ORG", "example.org"),
        ("Name <x@example.org>", "example.org"),
        ('"a@b"@example.org', "example.org"),
        ("<>", "(none)"),
        ("nobody", "(none)"),
        (None, "(none)"),
        (["a@x.example", "b@y.example"], "y.example"),
    ],
    ids=str,
)
def test_of_an_address_only_its_domain_is_counted(store: Store, address: object, domain: str) -> None:
    keep(store, INCOMING, NOON, [mail(to(status="sent"), mailfrom=address)])

    assert counted(count(store, "deliverability", INCOMING), "sender_domain") == {domain: 1}


def test_sizes_that_are_none_do_not_count(store: Store) -> None:
    sizes: list[object] = [100, "200", None, -5, 2**62, "large", 1.5]
    keep(store, INCOMING, NOON, [mail(to(), queue_id=f"Q{n}", size=size) for n, size in enumerate(sizes)])

    found = count(store, "volume", INCOMING)

    assert counted(found, "mails") == {"": len(sizes)}
    assert counted(found, "bytes") == {"": 300}


def test_reasons_lose_what_may_name_somebody_and_scores_their_wildest_values(store: Store) -> None:
    reasons: list[object] = ["virus: Eicar", "virus (2)", "to a@example.com", "", None, 7, "x" * 500]
    scores: list[object] = [1.9, -1.5, "7", None, 1e300, "nan", -1e300]
    rows = [{"time": AT, "reason": a, "score": b} for a, b in zip(reasons, scores, strict=True)]
    keep(store, QUARANTINE, NOON, rows)

    found = count(store, "quarantine", QUARANTINE)

    assert counted(found, "reason") == {"virus": 2, "(none)": 2, "(with an address)": 1, "7": 1, "x" * 60: 1}
    assert numbers_of(found, "score") == {1: 1, -2: 1, 7: 1, 100: 1, -20: 1}


def test_sign_ins_of_any_wording_are_counted(store: Store) -> None:
    statuses: list[object] = ["failed", "FAILURE", False, "success", True, None, 3, ["failed"]]
    rows = [{"time": AT, "email": None if n else "A@example.com", "status": one} for n, one in enumerate(statuses)]
    keep(store, AUTHENTICATION, NOON, rows)

    found = count(store, "sign_ins", AUTHENTICATION)

    assert counted(found, "sign_ins") == {"failed": 3, "other": 3, "succeeded": 2}
    assert counted(found, "failures_of_user") == {"(none)": 2, "a@example.com": 1}
    assert counted(found, "failures_of_address") == {"(none)": 3}
