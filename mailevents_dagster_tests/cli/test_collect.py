"""`mailevents collect` as a process: from cron, on a terminal, in pieces, beside others, and stopped in the middle."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.simulator import Answer, Behaviour, FixedMail, Request, Simulator
from mailevents_dagster_tests.commands import KEY, SETTINGS, Place, hours_ago, set_up, written
from mailevents_dagster_tests.conftest import mail
from mailevents_dagster_tests.forks import PATIENCE
from mailevents_dagster_tests.projects import same_events

INCOMING = feed_of("a.example", "mail/incominglog")
MAILS = 60.0


@pytest.fixture
def api() -> Iterator[Simulator]:
    with Simulator(Behaviour(events_per_hour=MAILS), domains=["a.example", "b.example"]) as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, api: Simulator) -> Place:
    return set_up(tmp_path / "a folder", api)


def logged(place: Place, feed: Feed, ago: int) -> list[dict[str, object]]:
    path = Path(str(place.store.layout.log(feed, hours_ago(ago))))
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def runs(place: Place) -> list[dg.DagsterRun]:
    with dg.DagsterInstance.from_config(str(place.folder / ".dagster")) as instance:
        return list(instance.get_runs())


def test_from_another_folder_it_brings_everything_up_to_date_as_runs_that_dagster_keeps(place: Place) -> None:
    done = place.run("collect")

    assert done.returncode == 0, done.stderr
    assert "API calls: 100.0% succeeded" in done.stdout
    for ago in (4, 3, 2, 1):
        hour = hours_ago(ago)
        truth = place.api.truth("a.example", "mail/incominglog", hour.start, hour.end)
        assert same_events(logged(place, INCOMING, ago), truth)
        assert place.store.cursor(INCOMING).is_closed(hour.start)
    assert {run.job_name for run in runs(place)} == {"follow", "collect_hours"}
    assert {run.status for run in runs(place)} == {dg.DagsterRunStatus.SUCCESS}


def test_a_second_time_it_asks_for_what_is_new_alone(place: Place) -> None:
    place.run("collect")
    before = [call.path for call in place.api.calls if call.kind == "detail"]

    done = place.run("collect", "--since-cursor", "--all")

    assert done.returncode == 0
    asked = [call.path for call in place.api.calls if call.kind == "detail"]
    assert asked[: len(before)] == before
    assert len(set(asked)) == len(asked), "each mail's detail once, over both"
    assert [run.job_name for run in runs(place)][:1] == ["follow"]


def test_one_hour_of_one_feed_is_that_and_nothing_else(place: Place) -> None:
    done = place.run("collect", "--hour", written(hours_ago(2)), "--feed", "a.example mail/*", "--json")

    assert done.returncode == 0
    numbers = json.loads(done.stdout)
    assert (numbers["hours"], numbers["runs"], numbers["failed_hours"], numbers["failures"]) == (1, 1, 0, {})
    assert numbers["events"] == len(logged(place, INCOMING, 2))
    assert numbers["api_calls"] == len(place.api.calls)
    assert numbers["api_ms_min"] <= numbers["api_ms_mean"] <= numbers["api_ms_max"]
    logs = [path for path in (place.folder / "data" / "output").rglob("*.log") if path.name.startswith("a.example_")]
    assert len(logs) == 1


def test_a_range_begins_with_its_newest_hours_and_ends_before_its_end(place: Place) -> None:
    first, end = written(hours_ago(4)), written(hours_ago(1))

    done = place.run("collect", "--from", first, "--to", end, "--feed", "* authentication")

    assert done.returncode == 0
    assert "3 hours collected" in done.stdout
    listed = [call.params["starttime"] for call in place.api.calls if call.kind == "list"]
    assert [int(text) for text in listed][:1] == [hours_ago(3).start - 1], "the newer two go in one run, in their order"
    assert not place.store.cursor(feed_of("a.example", "authentication")).is_closed(hours_ago(1).start)


def test_a_feed_that_fails_is_named_with_the_reason_and_the_others_are_collected(place: Place) -> None:
    place.api.behaviour = Behaviour(events_per_hour=MAILS, forbidden_domains=frozenset(["b.example"]))

    done = place.run("collect", "--hour", written(hours_ago(1)))

    assert done.returncode == 1
    assert "b.example mail/incominglog failed: " in done.stderr
    assert "403" in done.stderr
    assert "Traceback" not in done.stderr
    assert "2 hours collected, 1 failed" in done.stdout
    assert KEY not in done.stdout + done.stderr


def test_who_asks_by_hand_need_not_wait_after_a_failure(place: Place) -> None:
    place.api.fail_next(lambda request: True, Answer(403), times=1)
    place.run("collect", "--hour", written(hours_ago(1)), "--feed", "* authentication")
    assert place.store.cursor(feed_of("a.example", "authentication")).failed

    done = place.run("collect", "--feed", "* authentication")

    assert done.returncode == 0
    assert not place.store.cursor(feed_of("a.example", "authentication")).failed


def test_a_feed_that_a_run_has_under_way_is_left_out_with_a_word(place: Place) -> None:
    place.run("collect", "--hour", written(hours_ago(1)), "--feed", "* authentication")
    key = dg.AssetKey(["uzmanposta", "a.example", "authentication"])
    with dg.DagsterInstance.from_config(str(place.folder / ".dagster")) as instance:
        instance.add_run(
            dg.DagsterRun("collect_hours", asset_selection=frozenset([key]), status=dg.DagsterRunStatus.STARTED)
        )

    done = place.run("collect", "--hour", written(hours_ago(2)), "--feed", "* authentication")

    assert done.returncode == 3
    assert "a.example authentication is left out: a run is collecting it" in done.stderr
    quiet = place.run("collect", "--hour", written(hours_ago(2)), "--feed", "* authentication", "--quiet")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (3, "", "")
    assert not place.store.cursor(feed_of("a.example", "authentication")).is_closed(hours_ago(2).start)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--feed", "x"), 2, "No feed matches x"),
        (("--from", "yesterday"), 2, "--from `yesterday` is not a date and time"),
        (("--from", "2026-11-01", "--to", "12:61"), 2, "--to `12:61` is not a date and time"),
        (("--to", "2026-11-01"), 2, "--to needs --from"),
        (("--hour", "2026-11-01T00:30"), 2, "does not begin an hour"),
        (("--hour", ""), 2, "--hour `` is not a date and time"),
        (("--from", ""), 2, "--from `` is not a date and time"),
        (("--from", "2026-11-01", "--to", ""), 2, "--to `` is not a date and time"),
        (("--from", "2026-11-02", "--to", "2026-11-01"), 2, "--to `2026-11-01` is not after --from `2026-11-02`"),
        (("--from", "2026-11-02", "--to", "2026-11-02"), 2, "is not after"),
        (("--hour", "2026-11-01", "--since-cursor"), 2, "only one can be given"),
        (("--all", "--feed", "a*"), 2, "contradict"),
        (("--from", "2019-01-01", "--to", "2019-01-02"), 3, "None of these hours has ended"),
        (("--from", "2031-01-01"), 3, "None of these hours has ended"),
    ],
)
def test_a_wrong_question_is_answered_with_what_is_wrong(
    place: Place, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = place.run("collect", *arguments)

    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len(place.api.calls) == 0


def test_on_a_terminal_it_shows_how_far_it_is_and_elsewhere_it_sends_no_codes(place: Place) -> None:
    place.api.behaviour = Behaviour(events_per_hour=MAILS, latency_seconds=0.05)

    code, shown = place.on_a_terminal("collect", "--hour", written(hours_ago(1)))
    done = place.run("collect", "--hour", written(hours_ago(2)))

    assert code == 0
    assert " of 3 hours, " in shown
    assert "details" in shown
    assert "\x1b[" in shown
    assert "\x1b" not in done.stdout + done.stderr


@pytest.fixture
def calm() -> Iterator[Simulator]:
    """An API of few mails, for a test of many hours."""
    with Simulator(Behaviour(events_per_hour=8), domains=["a.example", "b.example"]) as running:
        yield running


def test_runs_side_by_side_come_to_the_same_numbers(tmp_path: Path, calm: Simulator) -> None:
    hours = [hours_ago(ago) for ago in range(20, 0, -1)]  # the newest may change meanwhile
    place = set_up(tmp_path, calm, hours=21, text=SETTINGS.replace("hours_per_run: 2", "hours_per_run: 5"))

    span = ("--from", written(hours[0]), "--to", written(hours[-1].next))
    done = place.run("collect", *span, "--max-workers", "2", "--json")

    assert done.returncode == 0, done.stderr
    numbers = json.loads(done.stdout)
    assert numbers["hours"] == 60
    assert numbers["api_calls"] == len(calm.calls), "those of the process beside it among them"
    events = 0
    for feed in place.settings.feeds:
        assert place.store.cursor(feed).closed == ((hours[0].start, hours[-1].end),)
        events += sum(place.store.manifest(feed, hour).events for hour in hours)  # type: ignore[union-attr]
    assert numbers["events"] == events


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Place]:
    """An hour of 200 mails, whatever the time of day: generated mail is sparse at night and on weekends."""
    fixed = FixedMail()
    for hours in (1, 0):  # the newest may change while the test begins
        start = hours_ago(hours).start
        fixed.add("a.example", "mail/incominglog", [mail(start + n * 15, f"Q{start}x{n}") for n in range(200)])
    behaviour = Behaviour(latency_seconds=0.02)
    with Simulator(behaviour, source=fixed, domains=["a.example", "b.example"]) as running:
        yield set_up(tmp_path, running)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_ends_soon_and_what_was_fetched_is_not_asked_for_again(busy: Place, signum: int) -> None:
    some = threading.Event()
    details: list[str] = []
    hour = written(hours_ago(1))

    def count(request: Request) -> bool:
        if request.kind == "detail":
            details.append(request.queue_id or "")
            if len(details) == 20:
                some.set()
        return False

    busy.api.fail_next(count, Answer(500), times=None)
    with busy.start("collect", "--hour", hour, "--feed", "a.example mail/*") as running:
        assert some.wait(PATIENCE)
        running.send_signal(signum)
        _, said = running.communicate(timeout=PATIENCE)

    assert running.returncode == 1
    assert "Stopped. What was committed is kept" in said
    assert "Traceback" not in said
    assert {run.status for run in runs(busy)} <= {dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
    assert not busy.store.cursor(INCOMING).failed, "who was told to stop did not fail"

    assert busy.run("collect", "--hour", hour, "--feed", "a.example mail/*").returncode == 0
    assert set(details) > set(details[:20])
    twice = len(details) - len(set(details))
    assert twice <= 4, "those that were on their way"


def test_an_hour_that_is_not_over_by_the_apis_clock_is_followed_and_not_asked_for(tmp_path: Path) -> None:
    with Simulator(Behaviour(events_per_hour=1), now=lambda: time.time() - 10 * 3600) as behind:
        place = set_up(tmp_path, behind)

        done = place.run("collect", "--feed", "* authentication")

    assert done.returncode == 0
    assert not place.store.cursor(feed_of("a.example", "authentication")).closed, (
        "by the API's clock none has ended yet"
    )
    assert [run.job_name for run in runs(place)] == ["follow"]


def test_a_cron_line_loads_nothing_that_readers_alone_need_before_its_first_call_nor_ever_what_other_sources_need(
    place: Place,
) -> None:
    program = (
        "import atexit, sys\n"
        "from mailevents_dagster.cli import main\n"
        "readers = {'pandas', 'pyarrow.compute', 'pyarrow.dataset', 'matplotlib', 'dagster_webserver'}\n"
        "sources = 'mailevents_dagster.sources.'\n"
        "others = {'boto3', 'paramiko', 'msal', sources + 'maillog.publishing', sources + 'mailbox.delivery'}\n"
        "others |= {'mailevents_dagster.files.object_files'}  # upath and fsspec Dagster loads for its records\n"
        "atexit.register(lambda: print('in the end', sys.modules.keys() & others))\n"
        "at_a_call = lambda event, _: event == 'socket.connect' and print('at a call', sys.modules.keys() & readers)\n"
        "sys.addaudithook(at_a_call)\n"
        "main(['collect', '--quiet', '--feed', '* authentication'])"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], env=place.environment, capture_output=True, text=True, check=True
    )

    said = done.stdout.splitlines()
    assert (said[0], said[-1]) == ("at a call set()", "in the end set()")
