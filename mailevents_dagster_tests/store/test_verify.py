"""Every kind of damage, made on purpose, one at a time: verify names the file; what is whole it leaves in peace."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mailevents_dagster.model.event import Detail
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.store import verify as module
from mailevents_dagster.store.hour.snapshot_file import ROWS_AT_ONCE
from mailevents_dagster.store.manifest import StoredFile, write_manifest
from mailevents_dagster.store.store import Store
from mailevents_dagster.store.verify import FOR_EVER, Severity, kept_hours, verify_hour
from mailevents_dagster_tests.conftest import INCOMING, NOON, START, collection, make_store
from mailevents_dagster_tests.store.kept import LOG, MANIFEST, SNAPSHOT, commit, mail, root
from mailevents_dagster_tests.store.verifying import EVENTS, FILES, flip, found, manifest_of, of_feed, rewrite, stored

pytestmark = pytest.mark.usefixtures("from_this_autumn_on")


def test_what_was_committed_is_found_whole_and_counted(kept: Store) -> None:
    seen = verify_hour(kept, INCOMING, NOON)

    assert seen.findings == ()
    assert (seen.events, seen.log_bytes) == (len(EVENTS), len((root(kept) / LOG).read_bytes()))
    assert of_feed(kept) == []


def test_an_hour_without_events_is_whole(store: Store) -> None:
    commit(store, [])
    assert found(store) == ()


@pytest.mark.slow
def test_an_hour_of_several_row_groups_is_whole(store: Store) -> None:
    commit(store, [mail(START + number % 3600) for number in range(ROWS_AT_ONCE + 10)])
    assert found(store) == ()


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_flipped_bit_is_found(kind: str, part: float, kept: Store) -> None:
    path = root(kept) / FILES[kind]
    flip(path, int(len(path.read_bytes()) * part))

    assert [(one.kind, one.severity) for one in found(kept)] == [(kind, Severity.DAMAGE)]
    assert str(path) in found(kept)[0].what


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("left", [0, 0.5])
def test_a_truncated_file_is_found(kind: str, left: float, kept: Store) -> None:
    path = root(kept) / FILES[kind]
    path.write_bytes(path.read_bytes()[: int(len(path.read_bytes()) * left)])

    assert [one.kind for one in found(kept)] == [kind]


@pytest.mark.parametrize("kind", ["log", "snapshot"])
def test_a_missing_file_is_found(kind: str, kept: Store) -> None:
    (root(kept) / FILES[kind]).unlink()

    [finding] = found(kept)
    assert (finding.kind, finding.severity) == (kind, Severity.DAMAGE)
    assert "is gone" in finding.what


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_cannot_be_read_is_found(kind: str, kept: Store) -> None:
    path = root(kept) / FILES[kind]
    path.unlink()
    path.mkdir()  # read by no user, not even root

    assert [one.kind for one in module.verify_hour(kept, INCOMING, NOON).findings] == [kind]


def test_the_line_is_named_in_which_a_log_differs(kept: Store) -> None:
    path = root(kept) / LOG
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], lines[3].replace(b"subject", b"SUBJECT"), *lines[4:]]))

    [finding] = found(kept)
    assert "line 4" in finding.what


def test_a_line_too_many_is_found(kept: Store) -> None:
    path = root(kept) / LOG
    path.write_bytes(path.read_bytes() + b'{"time":1}\n')

    [finding] = found(kept)
    assert f"line {len(EVENTS) + 1}" in finding.what


def test_damage_of_log_and_snapshot_is_told_of_both(kept: Store) -> None:
    for name in (LOG, SNAPSHOT):
        (root(kept) / name).write_bytes(b"{}")

    snapshot, log = found(kept)
    assert (snapshot.kind, log.kind) == ("snapshot", "log")
    assert "line" not in log.what  # a damaged snapshot says nothing about it


def test_a_manifest_that_somebody_edited_is_found(kept: Store) -> None:
    path = root(kept) / MANIFEST
    path.write_bytes(path.read_bytes().replace(b'"events": 5', b'"events": 6'))

    [finding] = found(kept)
    assert (finding.kind, finding.severity) == ("manifest", Severity.DAMAGE)


def test_the_manifest_of_another_hour_is_found(kept: Store) -> None:
    write_manifest(kept.layout.manifest(INCOMING, NOON), replace(manifest_of(kept), start=START + 3600))

    [finding] = found(kept)
    assert finding.kind == "manifest"


def test_a_log_of_other_content_is_found_though_its_hash_fits_the_manifest(kept: Store) -> None:
    rewrite(kept, EVENTS, logged=[*EVENTS[:2], mail(START + 7), *EVENTS[3:]])

    [finding] = found(kept)
    assert (finding.kind, finding.severity) == ("log", Severity.DAMAGE)
    assert "line 3" in finding.what


@pytest.mark.parametrize("kind", ["log", "snapshot"])
def test_a_length_that_is_not_that_of_the_file_is_found(kind: str, kept: Store) -> None:
    stored = getattr(manifest_of(kept), kind)
    rewrite(kept, EVENTS, changed={kind: replace(stored, bytes=stored.bytes + 1)})
    assert [one.kind for one in found(kept)] == [kind]


def test_a_snapshot_whose_content_is_not_what_was_written_is_found_though_its_hash_fits(kept: Store) -> None:
    path = root(kept) / SNAPSHOT
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.set_column(table.schema.get_field_index("detail"), "detail", [["missing"] * 5]), path)
    written = path.read_bytes()
    fitting = StoredFile(SNAPSHOT, len(written), hashlib.sha256(written).hexdigest())
    changed = replace(manifest_of(kept), snapshot=fitting, details_owed=5)
    write_manifest(kept.layout.manifest(INCOMING, NOON), changed)

    [finding] = found(kept)
    assert (finding.kind, finding.severity) == ("snapshot", Severity.DAMAGE)
    assert "does not match its digest" in finding.what


def test_events_in_the_order_of_the_log_and_not_of_the_snapshot_are_found(kept: Store) -> None:
    rewrite(kept, EVENTS, logged=[EVENTS[1], EVENTS[0], *EVENTS[2:]])
    assert [one.kind for one in found(kept)] == ["log"]


@pytest.mark.slow
@pytest.mark.parametrize("place", [1, ROWS_AT_ONCE], ids=["within a row group", "between two"])
def test_events_out_of_their_order_are_found_though_all_hashes_fit(place: int, store: Store) -> None:
    events = [mail(START + number // 8) for number in range(ROWS_AT_ONCE + 10)]
    commit(store, events)
    events[place - 1 : place + 1] = [replace(events[place - 1], time=START + 3000), events[place]]
    rewrite(store, events)

    [finding] = found(store)
    assert (finding.kind, finding.severity) == ("order", Severity.DAMAGE)
    assert f"event {place + 1:,} " in finding.what


@pytest.mark.parametrize("time", [START - 1, START + 3600], ids=["before", "after"])
def test_an_event_of_another_hour_is_found_though_all_hashes_fit(time: int, kept: Store) -> None:
    rewrite(kept, sorted([*EVENTS, mail(time)], key=lambda one: one.time))

    [finding] = found(kept)
    assert (finding.kind, finding.severity) == ("hour", Severity.DAMAGE)


def test_a_recorded_stray_may_stand_in_an_hour_that_is_not_its_own(store: Store) -> None:
    stray = mail(START + 86_400)
    commit(store, collection([*EVENTS, stray], strays=[stray]))
    assert found(store) == ()


def test_an_event_without_a_time_may_stand_anywhere(kept: Store) -> None:
    timeless = replace(mail(START), time=START + 4000, raw=b'{"subject":"no time"}')
    rewrite(kept, [*EVENTS, timeless])
    assert found(kept) == ()


@pytest.mark.parametrize(
    "changed", [{"events": 4}, {"details_owed": 1}, {"first_event": START + 1}, {"last_event": None}], ids=str
)
def test_counts_that_are_not_those_of_the_events_are_found(changed: dict[str, object], kept: Store) -> None:
    rewrite(kept, EVENTS, changed=changed)

    [finding] = found(kept)
    assert (finding.kind, finding.severity) == ("counts", Severity.DAMAGE)


def test_details_that_are_owed_are_counted_as_the_manifest_does(store: Store) -> None:
    commit(store, [replace(one, detail=detail) for one, detail in zip(EVENTS, Detail, strict=True)])
    assert manifest_of(store).details_owed == 2
    assert found(store) == ()


def test_a_snapshot_of_a_killed_commit_is_a_note(kept: Store) -> None:
    (root(kept) / MANIFEST).unlink()

    assert kept_hours(stored(kept), INCOMING, 0, FOR_EVER) == [NOON]
    [finding] = found(kept)
    assert (finding.kind, finding.severity) == ("unfinished", Severity.NOTE)


@pytest.mark.slow
def test_hours_are_found_whatever_the_clock_calls_them(tmp_path: Path) -> None:
    store = make_store(tmp_path, "Europe/Berlin")
    first = Hour.containing(1_792_886_400, "Europe/Berlin")  # 2026-10-25 00:00 UTC: 02:00 comes twice
    hours = [first, first.next, first.next.next]
    for hour in hours:
        commit(store, [mail(hour.start)], hour=hour)

    assert kept_hours(stored(store), INCOMING, 0, FOR_EVER) == hours
    assert kept_hours(stored(store), INCOMING, first.next.start, first.next.end) == [first.next]
    assert kept_hours(stored(make_store(tmp_path / "second", "Europe/Berlin")), INCOMING, 0, FOR_EVER) == []
    commit(second := make_store(tmp_path / "second", "Europe/Berlin"), [], hour=first)
    assert kept_hours(stored(second), INCOMING, 0, FOR_EVER) == [first]
    assert [found(store, hour) for hour in hours] == [(), (), ()]
    assert of_feed(store) == []


def test_a_commit_in_progress_is_waited_for_and_not_taken_for_damage(
    kept: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hour is looked at between its snapshot and its manifest, while its commit holds the feed."""
    halfway, looked = threading.Event(), threading.Event()
    real: Callable[..., object] = write_manifest

    def slow(*arguments: object) -> None:
        halfway.set()
        looked.wait()
        real(*arguments)

    looks = []

    def look(check: module._HourCheck) -> module.Verified:
        seen = whole_look(check)
        looks.append(seen.findings)
        looked.set()
        return seen

    whole_look = module._HourCheck.look
    monkeypatch.setattr("mailevents_dagster.store.hour.open_hour.write_manifest", slow)
    monkeypatch.setattr(module._HourCheck, "look", look)
    committing = threading.Thread(target=lambda: commit(kept, [*EVENTS, mail(START + 1000)]))
    committing.start()
    halfway.wait()
    assert verify_hour(kept, INCOMING, NOON).findings == ()
    committing.join()
    assert looks[0] != ()  # without the second look it would have been damage


def test_a_storage_that_cannot_be_locked_is_verified_all_the_same(kept: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    flip(root(kept) / LOG, 3)
    monkeypatch.setattr("mailevents_dagster.files.locks.os.open", refuses)
    assert [one.kind for one in verify_hour(kept, INCOMING, NOON).findings] == ["log"]


def test_what_was_found_is_mended_as_it_says(kept: Store) -> None:
    for name in (LOG, SNAPSHOT, MANIFEST):
        flip(root(kept) / name, 60)
        assert found(kept)[0].do.startswith("Materialize the hour again")
        commit(kept, EVENTS)
        assert found(kept) == ()
