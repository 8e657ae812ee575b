"""What the provider's records of outgoing mails tell became of them."""

from __future__ import annotations

from typing import Any

import pytest

from mailevents_dagster.model.outcome import Became, Outcome
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.outcomes import outcomes
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.summaries.days import NOON, keep

FEED = feed_of("example.com", "mail/outgoinglog")


def told(store: Store, *recipients: dict[str, Any]) -> list[Outcome]:
    record = {"time": NOON.start + 5, "queue_id": "Q1", "mailfrom": "s@example.com", "recipients": list(recipients)}
    keep(store, FEED, NOON, [record])
    return [outcome for _, outcome in outcomes(store, FEED, NOON, "example.com")]


@pytest.mark.parametrize(
    ("recipient", "became", "code", "enhanced"),
    [
        ({"status": "Sent", "status_code": "250", "status_string": "250 2.0.0 Ok"}, Became.DELIVERED, 250, "2.0.0"),
        ({"status": "bounced", "status_code": "5.1.1"}, Became.BOUNCED, None, "5.1.1"),
        ({"status": "rejected", "status_string": "554 5.7.1 no"}, Became.BOUNCED, 554, "5.7.1"),
        ({"status": "deferred", "status_string": "450 4.2.0 later"}, Became.DEFERRED, 450, "4.2.0"),
        ({"status": "held"}, Became.ACCEPTED, None, None),
        ({"status": None}, Became.ACCEPTED, None, None),
    ],
    ids=["sent", "bounced", "rejected", "deferred", "held", "nothing"],
)
def test_the_status_and_the_answer_of_a_recipient_become_an_outcome(
    store: Store, recipient: dict[str, Any], became: Became, code: int | None, enhanced: str | None
) -> None:
    (one,) = told(store, {"mailto": "r@dest.example", **recipient})
    assert (one.became, one.code, one.enhanced_code, one.recipient) == (became, code, enhanced, "r@dest.example")
    assert one.server == "uzmanposta"


def test_two_recipients_are_two_outcomes_and_a_mail_that_names_none_is_one(store: Store) -> None:
    two = told(store, {"mailto": "a@dest.example"}, {"mailto": "a@dest.example"})
    assert len({one.id for one in two}) == 2


def test_a_mail_that_names_no_recipient_is_one_outcome(store: Store) -> None:
    (one,) = told(store)
    assert (one.became, one.recipient) == (Became.ACCEPTED, None)
