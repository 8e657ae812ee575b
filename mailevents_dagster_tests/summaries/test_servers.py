"""Summaries of mail servers: what went through them, and why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.sources.maillog.bounces.patterns import load_patterns
from mailevents_dagster.sources.maillog.feeds import SQS
from mailevents_dagster.store.store import Store
from mailevents_dagster.summaries.anonymous import WITH_ADDRESS
from mailevents_dagster.summaries.counts import NONE, by_hour
from mailevents_dagster.summaries.kinds import KINDS
from mailevents_dagster.summaries.server_bounces import TABLES
from mailevents_dagster_tests.conftest import INCOMING
from mailevents_dagster_tests.summaries.days import NOON, count, counted
from mailevents_dagster_tests.summaries.servers import (
    BOUNCED,
    DEFERRED,
    DELIVERED,
    LINES,
    OF_BOUNCES,
    keep_bounces,
    keep_lines,
)

SPAM = (
    "postfix/smtp[4]: 6FA2B1C0: to=<r@example.org>, relay=mx.example.org[192.0.2.1]:25, delay=1, dsn=5.7.1, "
    "status=bounced (host mx.example.org[192.0.2.1] said: 554 5.7.1 your IP has a poor reputation)"
)


def test_what_went_through_a_server_is_counted_by_hours(store: Store) -> None:
    keep_lines(store, NOON, *DELIVERED, BOUNCED, DEFERRED, "postfix/smtpd[1]: what no rule knows")
    keep_lines(store, NOON.next, *DELIVERED, *(line.replace("3FA2B1C0", "7FA2B1C0") for line in DELIVERED))

    found = count(store, "server_traffic", LINES)

    assert by_hour(found, "event", "arrival") == {NOON.key: 1, NOON.next.key: 2}
    assert KINDS["server_traffic"].numbers(found) == {
        "arrivals": 3,
        "deliveries": 3,
        "deferrals": 1,
        "bounces": 1,
        "rejections": 0,
        "arrivals_in_busiest_hour": 2,
        "megabytes": 10.3,
        "lines": 18,
        "unknown_lines": 1,
        "unknown_share": 0.0556,
        "hours_kept": 2,
        "hours": 24,
        "complete": False,
    }


def test_a_size_counts_once_and_where_the_mail_arrived(store: Store) -> None:
    again = "postfix/qmgr[3]: 3FA2B1C0: from=<s@example.net>, size=3450000, nrcpt=1 (queue active)"
    keep_lines(store, NOON, *DELIVERED, again, again.replace("3450000", "-1"))
    keep_lines(store, NOON.next, again)

    assert counted(count(store, "server_traffic", LINES), "bytes") == {"": 3_450_000}


def test_failed_attempts_are_counted_by_what_says_why(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "patterns.yaml"
    file.write_text("- {id: 1, name: No such user, match: no such user}\n- {id: 2, name: to a@b, match: timed out}\n")
    keep_lines(store, NOON, *DELIVERED, BOUNCED, BOUNCED, DEFERRED, SPAM)
    keep_bounces(store, NOON, load_patterns(file))

    found = count(store, "server_bounces", OF_BOUNCES)

    assert by_hour(found, "failures", "hard") == {NOON.key: 2}
    assert {measure: counted(found, measure) for measure in ("failures", *TABLES)} == {
        "failures": {"hard": 2, "policy": 1, "soft": 1},
        "refusal_reason": {"reputation": 1},
        "class_rule": counted(found, "class_rule"),
        "pattern": {"No such user": 2, WITH_ADDRESS: 1},
        "code": {"550": 2, "554": 1},
        "enhanced_code": {"5.1.1": 2, "4.4.1": 1, "5.7.1": 1},
        "receiving_host": {"mx.example.org": 3, NONE: 1},
        "recipient_domain": {"example.org": 3, "example.com": 1},
    }
    assert sum(counted(found, "class_rule").values()) == 4
    assert "gone" not in str(found.to_pylist()), "an address is nowhere"
    numbers = KINDS["server_bounces"].numbers(found)
    assert [numbers[name] for name in ("failures", "bounces", "deferrals", "with_pattern")] == [4, 3, 1, 3]
    assert (numbers["receiving_hosts"], numbers["recipient_domains"]) == (1, 2)


def test_a_server_has_summaries_of_its_own_and_a_domain_has_none_of_them() -> None:
    of = {name: kind.feeds([LINES, OF_BOUNCES, Feed("mx1", SQS), INCOMING]) for name, kind in KINDS.items()}

    assert of["server_traffic"] == [LINES]
    assert of["server_bounces"] == [OF_BOUNCES]
    assert of["volume"] == [INCOMING]


@pytest.mark.parametrize("raw", ["", "\x00\x01", "rubbish", "ünïcödé @ £", "postfix/smtp[4]: 4FA2: to=<>, status="])
def test_rubbish_is_counted_as_lines_that_no_rule_knows(store: Store, raw: str) -> None:
    keep_lines(store, NOON, raw)
    keep_bounces(store, NOON)

    assert KINDS["server_traffic"].numbers(count(store, "server_traffic", LINES))["unknown_lines"] == 1
    assert KINDS["server_bounces"].numbers(count(store, "server_bounces", OF_BOUNCES))["failures"] == 0
