"""What the events of a provider tell became of mails."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailevents_dagster.model.outcome import Became, Outcome
from mailevents_dagster.sources.webhook.outcomes import outcomes
from mailevents_dagster_tests.sources.webhook.places import NOON, Place, event


@pytest.fixture
def here(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.runs((NOON.start - 7200, NOON.start + 1800))
    return place


def told(here: Place, domain: str = "example.com") -> list[Outcome]:
    here.collect()
    return [outcome for _, outcome in outcomes(here.store, here.feed, NOON, domain)]


def test_each_event_that_is_an_outcome_is_told_with_the_name_of_the_provider(here: Place) -> None:
    here.receive(event("a", NOON.start + 1))
    (one,) = told(here)
    assert (one.became, one.server, one.time) == (Became.DELIVERED, "mailgun", NOON.start + 1)
    assert one.recipient


def test_mails_of_other_domains_are_not_told(here: Place) -> None:
    here.receive(event("a", NOON.start + 1))
    (one,) = told(here)
    other = [outcome for _, outcome in outcomes(here.store, here.feed, NOON, "none.example")]
    assert len(other) == (0 if one.sender else 1), "where no sender is told, the webhook speaks for it"
