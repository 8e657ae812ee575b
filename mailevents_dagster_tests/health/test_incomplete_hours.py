"""An hour that does not hold everything is said wherever somebody looks: `collect`, `status`, `verify`, monitors."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailevents_dagster.collecting.heartbeats import Heartbeats
from mailevents_dagster.collecting.totals import Totals
from mailevents_dagster.health.incomplete_hours import lacks
from mailevents_dagster.model.event import Gap, Origin
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.simulator import Answer, FixedMail, Request, Simulator
from mailevents_dagster.store.lack import Lack
from mailevents_dagster.store.store import Store
from mailevents_dagster.store.verify import Severity
from mailevents_dagster_tests.collecting.planned import manifest_of
from mailevents_dagster_tests.commands import SETTINGS, Place, hours_ago, set_up, written
from mailevents_dagster_tests.conftest import INCOMING, NOON, mail

pytestmark = pytest.mark.slow

MAILS = "a.example mail/incominglog"
SIGN_INS = "a.example authentication"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Of three mails one has no detail and one fails; of the sign-ins 1,100 are of one second."""
    start, source = hours_ago(1).start, FixedMail()
    source.add("a.example", "mail/incominglog", [mail(start + n, f"Q{n}") for n in range(3)])
    source.add("a.example", "authentication", [{"time": start + 9, "email": f"{n}@a.example"} for n in range(1100)])
    with Simulator(source=source, domains=["a.example", "b.example"]) as api:
        api.fail_next(lambda request: request.queue_id == "Q0", Answer(404), times=None)
        api.fail_next(fails, Answer(500), times=4)
        yield set_up(tmp_path, api, hours=1)


def fails(request: Request) -> bool:
    return request.queue_id == "Q1"


def of_feed(numbers: dict[str, Any], feed: str) -> dict[str, Any]:
    [found] = [one for one in numbers["feeds"] if one["feed"] == feed]
    return dict(found)


def test_the_last_line_of_a_collection_names_the_hours_and_what_they_lack(place: Place) -> None:
    done = place.run("collect", "--hour", written(hours_ago(1)))

    assert done.returncode == 1
    assert (
        f"2 hours do not hold everything: {SIGN_INS} {hours_ago(1).key} (1 seconds too full or times lost), "
        f"{MAILS} {hours_ago(1).key} (1 details owed, 1 details that the source does not have)."
    ) in done.stderr
    assert "0 failed" in done.stdout, "it is no failure"

    again = place.run("collect", "--hour", written(hours_ago(1)), "--feed", "* mail/*", "--json")
    assert again.returncode == 1, "still owed"
    [lacking] = json.loads(again.stdout)["lacking"]
    assert lacking["details_owed"] == 1
    mended = place.run("collect", "--hour", written(hours_ago(1)), "--feed", "* mail/*")
    assert mended.returncode == 0, "what the API does not have is nobody's to mend"
    assert "(1 details that the source does not have)" in mended.stderr
    assert place.run("collect", "--hour", written(hours_ago(1)), "--feed", "* mail/*", "--quiet").stderr == ""


def test_status_verify_and_monitors_say_the_same(place: Place) -> None:
    place.run("collect", "--hour", written(hours_ago(1)))

    status = place.run("status", "--json")
    numbers = json.loads(status.stdout)
    assert (status.returncode, numbers["good"]) == (1, False)
    mails, sign_ins = of_feed(numbers, MAILS), of_feed(numbers, SIGN_INS)
    assert (mails["incomplete_hours"], mails["details_owed"], mails["details_purged"]) == (1, 1, 1)
    assert (sign_ins["incomplete_hours"], sign_ins["full_seconds"]) == (1, 1)
    assert (
        "2 hours of 2 feeds do not hold everything, with 1 details owed, 1 seconds too full or times lost"
        in numbers["verdict"]
    )
    assert "1 with 1 details owed" in place.run("status").stdout

    verify = place.run("verify", "--json")
    found = {finding["kind"]: finding for finding in json.loads(verify.stdout)["findings"]}
    assert (verify.returncode, json.loads(verify.stdout)["incomplete"]) == (1, 2)
    assert {kind: finding["severity"] for kind, finding in found.items()} == {
        "details owed": "incomplete",
        "seconds too full": "incomplete",
        "details purged": "note",
    }
    assert found["details owed"]["do"].startswith("Materialize the hour again")

    metrics = place.store.layout.metrics.read_text()
    assert 'mailevents_feed_details_owed{domain="a.example",feed="mail/incominglog"} 1\n' in metrics
    assert 'mailevents_feed_full_seconds{domain="a.example",feed="authentication"} 1\n' in metrics
    assert 'mailevents_feed_incomplete_hours{domain="b.example",feed="mail/incominglog"} 0\n' in metrics


def test_details_that_the_api_does_not_have_are_shown_and_spoil_nothing(place: Place) -> None:
    place.run("collect", "--hour", written(hours_ago(1)), "--feed", "* mail/*")
    place.run("collect", "--hour", written(hours_ago(1)), "--feed", "* mail/*")
    place.run("collect", "--hour", written(hours_ago(1)), "--feed", "* mail/*")

    feed = of_feed(json.loads(place.run("status", "--json").stdout), MAILS)
    assert (feed["incomplete_hours"], feed["details_owed"], feed["details_purged"]) == (0, 0, 1)
    assert place.run("verify").returncode == 0
    assert "1 details that the source does not have" in place.run("status").stdout


def test_an_hour_that_is_not_closed_lacks_nothing_that_is_not_asked_for_again() -> None:
    manifest = replace(manifest_of(INCOMING, NOON), details_owed=2, gaps=(Gap(NOON.start, 1000),), details_purged=3)
    severities = [finding.severity for finding in lacks(manifest)]
    assert severities == [Severity.INCOMPLETE, Severity.INCOMPLETE, Severity.NOTE]
    assert {finding.severity for finding in lacks(replace(manifest, closed=False))} == {Severity.NOTE}
    assert list(lacks(replace(manifest, origin=Origin.LOGS))) == []
    assert list(lacks(manifest_of(INCOMING, NOON))) == []


def test_what_a_process_beside_this_one_says_counts_as_its_own(store: Store) -> None:
    totals = Totals(Heartbeats(store.layout, {}, "UTC"))
    said = {"hours": 2, "failures": {}, "runs": 1, "failed_runs": 0}
    lacking = {"feed": MAILS, "hour": hours_ago(1).key, "details_owed": 2, "details_purged": 0, "gaps": 1}

    assert totals.hear(json.dumps({**said, "lacking": [lacking]}).encode()), "its run succeeded, for all it lacks"
    assert not totals.hear(json.dumps({**said, "lacking": [], "failed_runs": 1}).encode())
    assert not totals.hear(b""), "it was killed"

    assert totals.as_json([])["lacking"] == [lacking]
    assert totals.numbers().hours == 4


def test_what_hours_lack_adds_up_and_is_said_in_words() -> None:
    lack = Lack(1, 2, 3) + Lack(10, 20, 30)
    assert lack == Lack(11, 22, 33)
    assert str(lack) == "11 details owed, 33 seconds too full or times lost, 22 details that the source does not have"
    assert (Lack(0, 5, 0).is_incomplete, Lack(1).is_incomplete, Lack(gaps=1).is_incomplete) == (False, True, True)


# --- one story

FORGETFUL = SETTINGS.replace("{{hours_per_run: 2}}", "{{lookback_hours: 2}}") + "retention: {{mail_days: 1}}\n"


def kill_while_listing(place: Place, hour: Hour) -> None:
    """Kills a collection of the hour while it waits for an answer."""
    asked = threading.Event()

    def hear(request: Request) -> bool:
        asked.set()
        return False

    usual = place.api.behaviour
    place.api.fail_next(hear, Answer(500), times=None)
    place.api.behaviour = replace(usual, latency_seconds=60)
    with place.start("collect", "--hour", written(hour), "--feed", "a.example mail/*") as running:
        assert asked.wait(60)
        running.kill()
    Heartbeats(place.store.layout, {}, "UTC").path(feed_of("a.example", "mail/incominglog")).unlink()  # it grows old
    place.api.behaviour = usual


def test_collecting_a_destroyed_hour_is_one_failure_in_text_numbers_and_exit_code(tmp_path: Path) -> None:
    source = FixedMail()
    for hour in (hours_ago(30), hours_ago(1)):
        source.add("a.example", "mail/incominglog", [mail(hour.start, f"Q{hour.start}")])
    with Simulator(source=source, domains=["a.example", "b.example"]) as api:
        place = set_up(tmp_path, api, 30, FORGETFUL)
        old, feed = written(hours_ago(30)), ("--feed", "a.example mail/*")
        assert place.run("collect", "--hour", old, *feed).returncode == 0
        assert place.run("collect", "--hour", written(hours_ago(1)), *feed).returncode == 0
        assert place.run("housekeeping").returncode == 0

        done = place.run("collect", "--hour", old, *feed)
        numbers = json.loads(place.run("collect", "--hour", old, *feed, "--json").stdout)

    assert done.returncode == 1
    assert "0 hours collected, 1 failed" in done.stdout
    assert f"{MAILS} failed: {hours_ago(30)}: {MAILS} {hours_ago(30)} was destroyed at " in done.stderr
    assert (numbers["failed_hours"], numbers["failed_runs"], list(numbers["failures"])) == (1, 1, [MAILS])


def test_after_a_kill_while_a_closed_hour_was_listed_again_status_comes_back_to_good(tmp_path: Path) -> None:
    with Simulator(source=FixedMail(), domains=["a.example", "b.example"]) as api:
        place = set_up(tmp_path, api, 2)
        assert place.run("collect").returncode == 0
        assert place.run("status").returncode == 0
        kill_while_listing(place, hours_ago(2))
        assert place.run("status").returncode == 1

        assert place.run("collect").returncode == 0

        assert place.run("status").returncode == 0, place.run("status").stdout
