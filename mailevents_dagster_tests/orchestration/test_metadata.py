"""What Dagster shows of an hour beside its counts: how late its events appeared, and what became of its mails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import orjson
import pytest

from mailevents_dagster.health.observations import OUTCOMES_SHOWN, outcomes
from mailevents_dagster.model.event import Collection, Event, Origin
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.orchestration.metadata import hour_metadata
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.formats import ROW_FORMATS
from mailevents_dagster.sources.uzmanposta.simulator import FixedMail
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import AUTHENTICATION, DOMAIN, INCOMING, NOON, START, collection, event, mail
from mailevents_dagster_tests.projects import NOW, ONE_FEED, RUNNING, Project, project, stop_the_clock
from mailevents_dagster_tests.store.kept import commit

HOUR_AGO = RUNNING.previous
MEASURES = {"list_calls": 1.0, "detail_calls": 0.0}
QUARANTINE = feed_of(DOMAIN, "quarantine/quarantine")


def listed(seconds: float, *events: Event, strays: Sequence[Event] = ()) -> Collection:
    """What was found so long after the beginning of the hour."""
    return replace(collection(events, strays=strays), listed_at=START + seconds)


# --- how late events appeared


def test_an_event_is_as_late_as_the_listing_that_did_not_have_it_yet(store: Store) -> None:
    early, late, later = event(START + 50), event(START + 100), event(START + 200)
    assert commit(store, listed(4200, early)).lateness == 0, "nobody had asked before"
    assert commit(store, listed(9000.25, early, late, later)).lateness == 4100, "the oldest of those that are new"
    assert commit(store, listed(20_000, early, late, later)).lateness == 0, "none is new"
    assert commit(store, listed(30_000, early, late, later, event(START + 3000))).lateness == 17_000


def test_what_happened_after_the_listing_before_is_not_late(store: Store) -> None:
    commit(store, listed(600, event(START + 100)))
    assert commit(store, listed(1200, event(START + 100), event(START + 900))).lateness == 0


def test_a_row_that_changed_is_not_late(store: Store) -> None:
    commit(store, listed(4200, event(START + 100, "n", "queued")))
    done = commit(store, listed(9000, event(START + 100, "n", "sent")))
    assert (done.changed, done.lateness) == (1, 0)


def test_an_event_with_a_time_of_before_its_hour_is_as_late_as_if_it_were_its_first(store: Store) -> None:
    stray = event(START - 86_400)
    commit(store, listed(4200, event(START + 100)))
    assert commit(store, listed(9000, stray, event(START + 100), strays=[stray])).lateness == 4200


def test_what_old_logs_lacked_says_nothing_of_the_api(store: Store) -> None:
    commit(store, replace(listed(4200, event(START + 100)), origin=Origin.LOGS))
    assert commit(store, listed(9000, event(START + 100), event(START + 200))).lateness == 0


def test_hours_carry_how_late_their_events_appeared(store: Store) -> None:
    commit(store, listed(4200, event(START + 100)))
    done = commit(store, listed(9000, event(START + 100), event(START + 200)))
    assert hour_metadata(INCOMING, done, MEASURES)["lateness_seconds"] == 4000


# --- what became of them


def mails(*statuses: object) -> list[Event]:
    """A mail for each list of statuses, one status a recipient."""
    return [
        record_of(INCOMING, START + number, recipients=[{"mailto": "a@example.com", "status": one} for one in each])
        for number, each in enumerate(statuses)
        if isinstance(each, list)
    ]


def record_of(feed: Feed, time: int, **fields: object) -> Event:
    record = orjson.dumps({"time": time, "queue_id": f"Q{time}", **fields})
    return ROW_FORMATS[feed.kind.category].event_of(record, time)


def counted(store: Store, events: Sequence[Event], feed: Feed = INCOMING) -> Counter[str]:
    return outcomes(commit(store, collection(events), feed).snapshot, feed.kind.rows)


def test_every_recipient_of_a_mail_has_an_outcome(store: Store) -> None:
    assert counted(store, mails(["sent"], ["sent", "bounced"], ["deferred"], [])) == {
        "sent": 2,
        "bounced": 1,
        "deferred": 1,
    }


def test_every_sign_in_has_an_outcome(store: Store) -> None:
    events = [record_of(AUTHENTICATION, START + n, status="failed" if n else "success") for n in range(3)]
    assert counted(store, events, AUTHENTICATION) == {"success": 1, "failed": 2}


def test_what_is_no_word_is_counted_and_not_shown_for_it_may_be_about_somebody(store: Store) -> None:
    odd = ["ali@example.com", "Sent to Ali", "x" * 32, "", None, "1"]
    assert counted(store, mails(["sent", *odd])) == {"sent": 1, "other": len(odd)}


def test_of_many_outcomes_the_most_frequent_are_shown_and_the_rest_summed_up(store: Store) -> None:
    words = [f"status-{chr(97 + n)}" for n in range(OUTCOMES_SHOWN + 3)]
    found = counted(store, mails([word for times, word in enumerate(reversed(words), 1) for _ in range(times)]))
    assert set(found) == {*words[:OUTCOMES_SHOWN], "other"}
    assert found["other"] == 1 + 2 + 3
    assert found.total() == sum(range(1, len(words) + 1))


def test_what_is_in_quarantine_and_an_hour_without_events_have_no_outcome(store: Store) -> None:
    assert counted(store, [record_of(QUARANTINE, START, status="held")], QUARANTINE) == {}
    assert counted(store, []) == {}
    assert "outcomes" not in hour_metadata(INCOMING, commit(store, [], hour=NOON.next), MEASURES)


def test_outcomes_are_a_table_the_most_frequent_first(store: Store) -> None:
    shown = hour_metadata(INCOMING, commit(store, mails(["bounced"], ["sent"] * 1200)), MEASURES)["outcomes"]
    assert shown == dg.MetadataValue.md("|status|number|\n|-|-:|\n|sent|1,200|\n|bounced|1|\n")


# --- as runs record it


@pytest.fixture
def here(tmp_path: Path, fixed: FixedMail, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    stop_the_clock(monkeypatch, NOW)
    fixed.add(DOMAIN, INCOMING.name, [mail(HOUR_AGO.start + n) for n in range(3)])
    with project(tmp_path, source=fixed, settings=ONE_FEED, now=lambda: NOW) as made:
        yield made


def recorded(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    [made] = [one for one in result.all_events if one.is_step_materialization]
    return {name: value.value for name, value in made.step_materialization_data.materialization.metadata.items()}


def test_a_run_records_both_and_reconcile_does_where_an_event_came_late(here: Project, fixed: FixedMail) -> None:
    first = recorded(here.run("collect_hours", partition_key=HOUR_AGO.key))
    assert (first["lateness_seconds"], first["outcomes"]) == (0, "|status|number|\n|-|-:|\n|sent|3|\n")
    before = here.store.manifest(INCOMING, HOUR_AGO)
    assert before

    fixed.add(DOMAIN, INCOMING.name, [mail(HOUR_AGO.start + 77)])
    again = recorded(here.run("reconcile"))

    assert again["lateness_seconds"] == round(before.listed_at - HOUR_AGO.start - 77, 1) > 0
    assert again["outcomes"] == "|status|number|\n|-|-:|\n|sent|4|\n"
