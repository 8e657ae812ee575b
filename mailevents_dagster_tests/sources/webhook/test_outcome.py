"""What became of a mail, by what a webhook told."""

from __future__ import annotations

from pathlib import Path

from mailevents_dagster.sources.webhook.outcome import OUTCOMES, Outcome, outcome_of
from mailevents_dagster.sources.webhook.providers.provider import Kind
from mailevents_dagster_tests.sources.webhook.places import NOON, Place, event


def test_rows_and_records_of_the_feed_are_outcomes(tmp_path: Path) -> None:
    here = Place(tmp_path)
    here.runs((NOON.start, here.now))
    status = {"code": 550, "message": "5.1.1 no such user"}
    said = {"severity": "permanent", "reason": "bounce", "message": {"headers": {"message-id": "1@x"}}}
    here.receive(event("a", NOON.start + 5, event="failed", **said, **{"delivery-status": status}))
    here.collect()
    [row] = here.rows()
    expected = Outcome("bounced", "hard", "a@example.com", 550, "5.1.1", "5.1.1 no such user", "1@x", NOON.start + 5.0)
    assert outcome_of(row) == expected
    assert outcome_of({**row, "time": NOON.start + 5}) == expected


def test_mails_that_came_in_and_other_events_are_none() -> None:
    assert {kind for kind in Kind if outcome_of({"kind": str(kind), "time": 1})} == OUTCOMES
    assert outcome_of({"kind": None, "time": 1}) is None
    assert outcome_of({"time": 1}) is None
