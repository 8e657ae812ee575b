"""Housekeeping by a clock that is wrong: nothing goes that has not expired, and what went too early comes back."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from mailevents_dagster.collecting.feed_states import states_of
from mailevents_dagster.collecting.housekeeping import destroyed_too_early, take_back_destructions
from mailevents_dagster.collecting.outcomes import step_aside
from mailevents_dagster.health.status import rebuild_cursors, status_of
from mailevents_dagster.model.event import Collection
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.store import destruction, feed_cursor
from mailevents_dagster.store.destruction import destroying
from mailevents_dagster.store.destruction_record import DestroyedError, read_destruction
from mailevents_dagster.store.inventory import Inventory
from mailevents_dagster.store.opening import store_of
from mailevents_dagster.store.retention import Clocks
from mailevents_dagster.store.store import Store
from mailevents_dagster.store.witness import newest_witnessed
from mailevents_dagster_tests.collecting.planned import manifest_of
from mailevents_dagster_tests.commands import COMMAND, mailevents, written
from mailevents_dagster_tests.conftest import INCOMING, collection, event
from mailevents_dagster_tests.forks import PATIENCE
from mailevents_dagster_tests.store.kept import commit

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("from_this_autumn_on")]

DAY = 86_400
SETTINGS = """
start: {start}
storage: ./data
api: {{base_url: simulator}}
accounts: [{{domain: example.com, feeds: [mail/incominglog]}}]
retention: {{mail_days: 3}}
"""
FAKETIME = shutil.which("faketime")
SET_AHEAD = (
    "import time; now = time.time; time.time = lambda: now() + 100 * 86_400; "
    "import mailevents_dagster.cli as cli; cli.main()"
)
IN_A_HUNDRED_DAYS = [FAKETIME, "-f", "+100d", COMMAND] if FAKETIME else [sys.executable, "-c", SET_AHEAD]
"""The command by a clock that is ahead: its whole process, or Python alone where there is no libfaketime."""


@pytest.fixture
def hours(newest: Hour) -> list[Hour]:
    """Four hours that have not expired, the newest of them just over, and two that have; newest first."""
    return [Hour(newest.start - back * 3600, "UTC") for back in (0, 1, 2, 48, 100, 101)]


@pytest.fixture
def settings(tmp_path: Path, hours: list[Hour]) -> Settings:
    path = tmp_path / "mailevents.yaml"
    path.write_text(SETTINGS.format(start=written(hours[-1])))
    return load_settings(path, environ={})


@pytest.fixture
def store(settings: Settings) -> Store:
    return store_of(settings)


def found(hour: Hour, clock: float | None = None) -> Collection:
    """What a source gives of an hour that says what time it is, or does not."""
    at = time.time() if clock is None else time.time() + clock
    return replace(collection([event(hour.start + 5)]), listed_at=at, clock=clock)


@pytest.fixture
def kept(store: Store, hours: list[Hour]) -> list[Hour]:
    for hour in hours:
        commit(store, found(hour), hour=hour)
    return hours


def snapshots(store: Store) -> set[str]:
    return {path.parent.name[-2:] + path.stem for path in Path(str(store.layout.all_snapshots)).rglob("*.parquet")}


def stamps(hours: list[Hour]) -> set[str]:
    return {hour.stamp("%d%H") for hour in hours}


def run(settings: Settings, arguments: str = "housekeeping") -> subprocess.CompletedProcess[str]:
    return mailevents(*arguments.split(), environ=environment(settings))


def run_in_a_hundred_days(settings: Settings, arguments: str = "housekeeping") -> subprocess.CompletedProcess[str]:
    command = [*IN_A_HUNDRED_DAYS, *arguments.split()]
    environ = {**environment(settings), "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=PATIENCE)


def environment(settings: Settings) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER", "MAILEVENTS"))}
    return {**kept, "MAILEVENTS_CONFIG": str(settings.source)}


# --- two witnesses


def test_hours_expire_by_this_machines_clock_where_a_source_bore_it_out_within_a_day() -> None:
    assert Clocks(1000.0 * DAY, 999.5 * DAY).earlier == 1000 * DAY
    assert Clocks(1000.0 * DAY, 999.5 * DAY).sentence("UTC") is None


@pytest.mark.parametrize(("ours", "theirs"), [(1100, 1000), (1000, 1100)])
def test_where_the_two_contradict_each_other_hours_expire_by_the_earlier_and_it_is_said(ours: int, theirs: int) -> None:
    clocks = Clocks(float(ours * DAY), float(theirs * DAY))
    assert (clocks.earlier, clocks.later) == (1000 * DAY, 1100 * DAY)
    assert "Set the clock (NTP)" in (clocks.sentence("UTC") or "")


def test_where_no_source_ever_showed_the_time_nothing_expires() -> None:
    assert Clocks(1000.0 * DAY, None).earlier == 0
    assert "`mailevents collect` once" in (Clocks(1000.0 * DAY, None).sentence("UTC") or "")


def test_a_witness_is_what_the_source_said_last_else_its_newest_event(store: Store, hours: list[Hour]) -> None:
    assert newest_witnessed(store, [INCOMING]) is None
    commit(store, found(hours[1]), hour=hours[1])
    commit(store, collection([]), hour=hours[0])
    assert newest_witnessed(store, [INCOMING]) == hours[1].start + 5

    at = time.time() - 7200
    commit(store, found(hours[0], -7200.0), hour=hours[0])
    assert newest_witnessed(store, [INCOMING]) == pytest.approx(at, abs=30)
    silent = store.cursor(INCOMING).committed(manifest_of(INCOMING, hours[0], listed_at=9e9), 9e9)
    assert silent.witnessed == pytest.approx(at, abs=30), "a source that says nothing bears out no clock"


def test_an_event_that_says_it_is_of_next_year_is_no_witness(store: Store, hours: list[Hour]) -> None:
    stray = event(hours[0].end + 400 * DAY)
    commit(store, collection([event(hours[0].start), stray], strays=[stray]), hour=hours[0])
    assert newest_witnessed(store, [INCOMING]) == hours[0].end


# --- as commands


def test_by_a_clock_a_hundred_days_ahead_only_what_has_expired_goes(
    settings: Settings, store: Store, kept: list[Hour]
) -> None:
    done = run_in_a_hundred_days(settings)

    assert done.returncode == 0, done.stderr
    assert snapshots(store) == stamps(kept[:4])
    assert "Set the clock (NTP)" in done.stdout
    assert "2 expired hours destroyed" in done.stdout
    dry = run_in_a_hundred_days(settings, "housekeeping --dry-run")
    assert "0 expired hours would be destroyed" in dry.stdout
    assert "Set the clock (NTP)" in dry.stderr


def test_hours_that_a_wrong_clock_destroyed_are_taken_back_and_collected_again(
    settings: Settings, store: Store, kept: list[Hour], monkeypatch: pytest.MonkeyPatch
) -> None:
    destroy_in_a_hundred_days(store, kept, monkeypatch)
    with pytest.raises(DestroyedError, match="still to come: `mailevents housekeeping` takes back"):
        commit(store, found(kept[1]), hour=kept[1])
    commit(store, found(kept[0].next, 0.0), hour=kept[0].next)

    dry = run(settings, "housekeeping --dry-run")
    assert "4 hours were destroyed by a clock that was ahead" in dry.stderr
    done = run(settings)

    assert done.returncode == 0, done.stderr
    assert "4 hours were destroyed by a clock that was ahead" in done.stdout
    assert status_of(settings, time.time()).feeds[0].missing_hours >= 4
    collected = run(settings, f"collect --hour {written(kept[1])}")
    assert collected.returncode == 0, collected.stderr
    assert store.cursor(INCOMING).is_closed(kept[1].start)
    assert run(settings, "verify").returncode == 0
    assert run(settings).returncode == 3, "what had expired stays destroyed"


# --- taking back


def destroy_in_a_hundred_days(store: Store, hours: list[Hour], monkeypatch: pytest.MonkeyPatch) -> None:
    """As a version did that believed this machine's clock alone."""
    later = time.time() + 100 * DAY
    files = Inventory(store.layout, "UTC", later).files(INCOMING, later)
    with monkeypatch.context() as patch:
        patch.setattr(destruction, "time", SimpleNamespace(time=lambda: later))
        for hour in hours:
            with destroying(store, INCOMING, hour, files[hour], "mail_days: 3", step_aside):
                pass


def test_what_is_taken_back_was_never_collected_and_its_record_is_kept(
    settings: Settings, store: Store, kept: list[Hour], monkeypatch: pytest.MonkeyPatch
) -> None:
    destroy_in_a_hundred_days(store, kept, monkeypatch)
    clocks = Clocks(time.time(), time.time() - 60)
    early = list(destroyed_too_early(settings, store, clocks))

    assert [record.start for record in early] == [hour.start for hour in kept[:4]]
    assert take_back_destructions(store, early) == 4
    assert list(destroyed_too_early(settings, store, clocks)) == []
    assert [store.cursor(INCOMING).is_closed(hour.start) for hour in kept] == [False] * 4 + [True] * 2
    rebuild_cursors(settings)
    assert [store.cursor(INCOMING).is_closed(hour.start) for hour in kept] == [False] * 4 + [True] * 2

    again = commit(store, found(kept[0]), hour=kept[0])
    assert (again.added, again.manifest.events) == (1, 1)
    destroy_in_a_hundred_days(store, kept[:1], monkeypatch)
    second = read_destruction(store.layout.destruction(INCOMING, kept[0]))
    assert second
    assert [one["start"] for one in second.earlier] == [kept[0].start]


def test_while_the_clock_is_still_ahead_or_behind_nothing_is_taken_back(
    settings: Settings, store: Store, kept: list[Hour], monkeypatch: pytest.MonkeyPatch
) -> None:
    destroy_in_a_hundred_days(store, kept, monkeypatch)
    now = time.time()
    for clocks in (Clocks(now + 100 * DAY, now), Clocks(now, now + 100 * DAY)):
        assert list(destroyed_too_early(settings, store, clocks)) == []


@pytest.mark.parametrize("step", ["manifest", "record"])
def test_a_kill_while_an_hour_is_taken_back_is_made_up_for_by_the_next(
    step: str, settings: Settings, store: Store, kept: list[Hour], monkeypatch: pytest.MonkeyPatch
) -> None:
    destroy_in_a_hundred_days(store, kept[:1], monkeypatch)
    clocks = Clocks(time.time(), time.time() - 60)
    manifest = store.layout.manifest(INCOMING, kept[0])
    proof = manifest.read_bytes()

    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        steps = {"record": (destruction, "write_destruction"), "manifest": (feed_cursor, "write_cursor")}
        patch.setattr(*steps[step], die)
        with pytest.raises(Killed):
            take_back_destructions(store, destroyed_too_early(settings, store, clocks))
    if step == "manifest":
        assert manifest.read_bytes() == proof

    assert take_back_destructions(store, destroyed_too_early(settings, store, clocks)) == 1
    assert not manifest.exists()
    assert not store.cursor(INCOMING).is_closed(kept[0].start)


def test_a_destruction_that_a_wrong_clock_began_and_nobody_ended_is_taken_back(
    settings: Settings, store: Store, kept: list[Hour], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(destruction, "_delete", refuse)
        with pytest.raises(OSError, match="no room"):
            destroy_in_a_hundred_days(store, kept[:1], monkeypatch)

    early = destroyed_too_early(settings, store, Clocks(time.time(), time.time()))

    assert take_back_destructions(store, early) == 1
    assert commit(store, found(kept[0]), hour=kept[0]).manifest.events == 1


def test_a_clock_that_is_ahead_does_not_make_planning_take_hours_for_expired(
    settings: Settings, store: Store, kept: list[Hour]
) -> None:
    commit(store, found(kept[0], -100.0 * DAY), hour=kept[0])
    [state] = states_of(settings, store)
    assert state.source_time(time.time()) == pytest.approx(time.time() - 100 * DAY)


def test_the_time_by_the_source_survives_the_cursors_file(store: Store, kept: list[Hour]) -> None:
    before = store.cursor(INCOMING)
    assert before.witnessed is None
    commit(store, found(kept[0], 5.0), hour=kept[0])
    assert store.cursor(INCOMING).witnessed == pytest.approx(time.time() + 5, abs=30)
