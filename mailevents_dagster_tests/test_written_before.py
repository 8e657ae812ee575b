"""A store, a settings file and a Dagster home of an earlier version are read, continued and verified by this one."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from mailevents_dagster.model.hour import Hour, hours_between
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.uzmanposta.access import Access
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.collect import collect_hour
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, Simulator
from mailevents_dagster.store.destruction_record import DestroyedError
from mailevents_dagster_tests.commands import Place, hours_ago, written

pytestmark = pytest.mark.slow

KEYS = {"KEY_A": "key-of-a-for-a-test", "KEY_B": "key-of-b-for-a-test"}
ZONE = "Europe/Istanbul"
FEED = feed_of("a.example", "mail/incominglog")
COMMITTED = list(hours_between(1795845600, 1795845600 + 3 * 3600, ZONE))
KILLED = Hour(COMMITTED[-1].end, ZONE)
DESTROYED = Hour.containing(1795845600 - 8 * 86400 - 9 * 3600, ZONE)
FAR_BACK = dict.fromkeys(("mail", "quarantine", "authentication"), 36500.0)


@pytest.fixture
def api() -> Iterator[Simulator]:
    behaviour = Behaviour(events_per_hour=40, refuses_older_than_days=FAR_BACK)
    with Simulator(behaviour, domains=["a.example", "b.example"]) as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, api: Simulator) -> Place:
    with tarfile.open(Path(__file__).parent / "written_before" / "place.tar.xz") as packed:
        packed.extractall(tmp_path, filter="data")
    with (tmp_path / ".env").open("a") as env:
        env.write(f"BASE_URL={api.base_url}\n")
    return Place(tmp_path, api, load_settings(tmp_path / "mailevents.yaml", environ={**KEYS, "BASE_URL": api.base_url}))


def collected(place: Place, hour: Hour) -> int:
    """The details that it took to collect the hour of the feed again."""
    before = place.api.calls.count("detail")
    access = Access(FEED.domain, place.api.base_url, KEYS["KEY_A"], max_parallel_details=4)
    with UzmanPostaApi(access) as api, place.store.open_hour(FEED, hour) as work:
        work.commit(collect_hour(api, work))
    return place.api.calls.count("detail") - before


def test_what_was_committed_is_whole(place: Place) -> None:
    verified = place.run("verify")

    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "15 hours with 503 events" in verified.stdout
    assert {hour.key for hour in COMMITTED} <= {
        hour.key for hour in hours_between(*place.store.cursor(FEED).closed[-1], ZONE)
    }


def test_an_hour_that_is_collected_again_asks_for_no_detail_and_stays_to_the_byte(place: Place) -> None:
    files = {path: path.read_bytes() for path in (place.folder / "data/output").rglob("*.log")}

    assert [collected(place, hour) for hour in COMMITTED] == [0, 0, 0]

    assert {path: path.read_bytes() for path in files} == files


def test_an_hour_that_was_killed_goes_on_with_what_its_journal_holds(place: Place) -> None:
    truth = place.api.truth(FEED.domain, FEED.name, KILLED.start, KILLED.end)
    details = sum(bool(mail.get("queue_id")) for mail in truth)

    assert 0 < collected(place, KILLED) < details

    assert place.store.dataset(FEED, [KILLED]).count_rows() == len(truth)


def test_what_failed_and_what_was_destroyed_is_still_known(place: Place) -> None:
    assert place.run("status").returncode == 1
    (failure,) = place.store.cursor(feed_of("a.example", "quarantine/hold")).failed.values()
    assert "answered 500" in str(failure)
    assert place.store.cursor(FEED).is_closed(DESTROYED.start)
    with pytest.raises(DestroyedError):
        place.store.dataset(FEED, [DESTROYED])


def test_the_hours_now_running_are_collected_into_the_same_store_and_home(place: Place) -> None:
    done = place.run("collect", "--hour", written(Hour.containing(hours_ago(1).start, ZONE)), "--feed", "a.example *")

    assert done.returncode == 0, done.stderr
    assert "4 hours collected, 0 failed" in done.stdout
    with dg.DagsterInstance.from_config(str(place.folder / ".dagster")) as instance:
        shown = instance.get_materialized_partitions(dg.AssetKey(FEED.asset_key))
    assert {hour.key for hour in COMMITTED} < shown
    verified = place.run("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "19 hours" in verified.stdout
