"""Every kind of damage, made on purpose, one at a time: verify names the file; what is whole it leaves in peace."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pyarrow.parquet as pq
import pytest

from mailevents_dagster.events import Detail, Event
from mailevents_dagster.hours import Hour
from mailevents_dagster.store import verify as module
from mailevents_dagster.store.cursors import Cursor, write_cursor
from mailevents_dagster.store.destruction import destroying
from mailevents_dagster.store.inventory import Inventory
from mailevents_dagster.store.manifest import Manifest, StoredFile, read_manifest, write_manifest
from mailevents_dagster.store.parquet import ROWS_AT_ONCE
from mailevents_dagster.store.store import Store
from mailevents_dagster.store.verify import FOR_EVER, Finding, Severity, kept_hours, verify_feed, verify_hour
from mailevents_dagster_tests.conftest import INCOMING, NOON, START, collection, make_store
from mailevents_dagster_tests.planned import hour_of
from mailevents_dagster_tests.store.kept import (
    CURSOR,
    LOG,
    MANIFEST,
    SNAPSHOT,
    bring_log_up_to_date,
    commit,
    commit_hours,
    files,
    mail,
    root,
    write_events,
)

EVENTS = [mail(START + second) for second in (0, 5, 5, 90, 3599)]


@pytest.fixture
def kept(store: Store) -> Store:
    commit(store, EVENTS)
    return store


def found(store: Store, hour: Hour = NOON) -> tuple[Finding, ...]:
    before = files(store)
    findings = verify_hour(store, INCOMING, hour).findings
    assert files(store) == before
    return findings


def stored(store: Store) -> Inventory:
    return Inventory(store.layout, store.timezone, START + 30 * 86_400)


def of_feed(store: Store, first: int = 0, end: int = FOR_EVER) -> list[Finding]:
    return verify_feed(store, stored(store), INCOMING, first, end)


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def rewrite(
    store: Store,
    events: Sequence[Event],
    logged: Sequence[Event] | None = None,
    changed: Mapping[str, object] = MappingProxyType({}),
) -> None:
    """Files that say these events, with a manifest whose hashes fit them: damage that no checksum shows."""
    layout = store.layout
    log, snapshot = layout.log(INCOMING, NOON), layout.snapshot(INCOMING, NOON)
    written = bring_log_up_to_date(log, events if logged is None else logged)
    size, sha256 = write_events(snapshot, events)
    times = [one.time for one in events]
    manifest = manifest_of(store)
    fitting: dict[str, object] = {
        "log": StoredFile(manifest.log.path, written.bytes, written.sha256),
        "snapshot": StoredFile(manifest.snapshot.path, size, sha256),
        "events": len(events),
        "first_event": min(times),
        "last_event": max(times),
    }
    write_manifest(layout.manifest(INCOMING, NOON), replace(manifest, **{**fitting, **changed}))  # type: ignore[arg-type]


def manifest_of(store: Store) -> Manifest:
    manifest = read_manifest(store.layout.manifest(INCOMING, NOON))
    assert manifest
    return manifest


def test_what_was_committed_is_found_whole_and_counted(kept: Store) -> None:
    seen = verify_hour(kept, INCOMING, NOON)

    assert seen.findings == ()
    assert (seen.events, seen.log_bytes) == (len(EVENTS), len((root(kept) / LOG).read_bytes()))
    assert of_feed(kept) == []


def test_an_hour_without_events_is_whole(store: Store) -> None:
    commit(store, [])
    assert found(store) == ()


def test_an_hour_of_several_row_groups_is_whole(store: Store) -> None:
    commit(store, [mail(START + number % 3600) for number in range(ROWS_AT_ONCE + 10)])
    assert found(store) == ()


FILES = {"log": LOG, "snapshot": SNAPSHOT, "manifest": MANIFEST}


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
    assert "does not fit its digest" in finding.what


def test_events_in_the_order_of_the_log_and_not_of_the_snapshot_are_found(kept: Store) -> None:
    rewrite(kept, EVENTS, logged=[EVENTS[1], EVENTS[0], *EVENTS[2:]])
    assert [one.kind for one in found(kept)] == ["log"]


@pytest.mark.parametrize("place", [1, ROWS_AT_ONCE], ids=["within a row group", "between two"])
def test_events_out_of_their_order_are_found_though_all_hashes_fit(place: int, store: Store) -> None:
    events = [mail(START + number // 4) for number in range(ROWS_AT_ONCE + 10)]
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


def test_a_log_that_no_hour_has_is_a_note(kept: Store) -> None:
    (root(kept) / LOG).with_name("example.com_incominglog_2026-11-20_15.log").write_bytes(b"{}\n")

    [finding] = of_feed(kept)
    assert (finding.kind, finding.severity) == ("log alone", Severity.NOTE)
    assert finding.hour == hour_of(3).key
    assert of_feed(kept, START, START + 3600) == []
    assert of_feed(kept, START, START + 4 * 3600) == [finding]


def test_what_others_put_beside_the_logs_is_theirs(kept: Store) -> None:
    for name in ("messages_2026-11-20_15.log", "example.com-mail-incominglog_heartbeat.json", "notes.txt"):
        (root(kept) / LOG).with_name(name).write_bytes(b"{}\n")
    assert of_feed(kept) == []


def test_an_hour_that_was_destroyed_is_neither_looked_at_nor_missed(kept: Store) -> None:
    files_of = stored(kept).files(INCOMING, START + 86_400)
    with destroying(kept, INCOMING, NOON, files_of[NOON], "mail_days: 1", lambda said: None):
        pass
    assert kept_hours(stored(kept), INCOMING, 0, FOR_EVER) == []
    assert of_feed(kept) == []


@pytest.mark.parametrize("name", [LOG, SNAPSHOT, MANIFEST, CURSOR, "journal/example.com/mail/incominglog/x.journal"])
def test_a_file_set_aside_is_a_note(name: str, kept: Store) -> None:
    path = root(kept) / f"{name}.damaged1"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"once damaged")

    [finding] = of_feed(kept)
    assert (finding.kind, finding.severity) == ("set aside", Severity.NOTE)
    assert str(path) in finding.what
    assert found(kept) == ()


def test_hours_of_the_cursor_without_a_manifest_are_damage(store: Store) -> None:
    commit_hours(store, 0, 1, 2)
    commit_hours(store, 3, closed=False)
    for hour in (hour_of(1), hour_of(3)):
        Path(str(store.layout.manifest(INCOMING, hour))).unlink()

    [finding] = of_feed(store)
    assert (finding.kind, finding.severity) == ("cursor", Severity.DAMAGE)
    assert finding.names == (hour_of(1).key, hour_of(3).key)
    assert of_feed(store, START, START + 3600) == []


def test_hours_with_a_manifest_that_the_cursor_lacks_are_a_note(store: Store) -> None:
    commit_hours(store, 0, 1)
    write_cursor(store.layout.cursor(INCOMING), Cursor(closed=((START, START + 3600),)), "UTC")

    [finding] = of_feed(store)
    assert (finding.kind, finding.severity, finding.names) == ("cursor", Severity.NOTE, (hour_of(1).key,))


def test_a_damaged_cursor_is_damage_and_a_lost_one_a_note(kept: Store) -> None:
    path = root(kept) / CURSOR
    path.write_bytes(b"{}")
    assert [(one.kind, one.severity) for one in of_feed(kept)] == [("cursor", Severity.DAMAGE)]

    path.unlink()
    assert [(one.kind, one.severity) for one in of_feed(kept)] == [("cursor", Severity.NOTE)]


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
    monkeypatch.setattr("mailevents_dagster.store.open_hour.write_manifest", slow)
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
    monkeypatch.setattr("mailevents_dagster.store.store.os.open", refuses)
    assert [one.kind for one in verify_hour(kept, INCOMING, NOON).findings] == ["log"]


def test_what_was_found_is_mended_as_it_says(kept: Store) -> None:
    for name in (LOG, SNAPSHOT, MANIFEST):
        flip(root(kept) / name, 60)
        assert found(kept)[0].do.startswith("Materialize the hour again")
        commit(kept, EVENTS)
        assert found(kept) == ()
