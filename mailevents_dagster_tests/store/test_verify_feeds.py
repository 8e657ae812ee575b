"""What verifying finds of a feed beside its hours: files that no hour has, those set aside, and the cursor."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailevents_dagster.store.cursor_file import write_cursor
from mailevents_dagster.store.cursors import Cursor
from mailevents_dagster.store.destruction import destroying
from mailevents_dagster.store.store import Store
from mailevents_dagster.store.verify import FOR_EVER, Severity, kept_hours
from mailevents_dagster_tests.collecting.planned import hour_of
from mailevents_dagster_tests.conftest import INCOMING, NOON, START
from mailevents_dagster_tests.store.kept import CURSOR, LOG, MANIFEST, SNAPSHOT, commit_hours, root
from mailevents_dagster_tests.store.verifying import found, of_feed, stored

pytestmark = pytest.mark.usefixtures("from_this_autumn_on")


@pytest.mark.slow
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


@pytest.mark.slow
def test_an_hour_that_was_destroyed_is_neither_looked_at_nor_missed(kept: Store) -> None:
    files_of = stored(kept).files(INCOMING, START + 86_400)
    with destroying(kept, INCOMING, NOON, files_of[NOON], "mail_days: 1", lambda said: None):
        pass
    assert kept_hours(stored(kept), INCOMING, 0, FOR_EVER) == []
    assert of_feed(kept) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", [LOG, SNAPSHOT, MANIFEST, CURSOR, "journal/example.com/mail/incominglog/x.journal"])
def test_a_file_set_aside_is_a_note(name: str, kept: Store) -> None:
    path = root(kept) / f"{name}.damaged1"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"once damaged")

    [finding] = of_feed(kept)
    assert (finding.kind, finding.severity) == ("set aside", Severity.NOTE)
    assert str(path) in finding.what
    assert found(kept) == ()


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_damaged_cursor_is_damage_and_a_lost_one_a_note(kept: Store) -> None:
    path = root(kept) / CURSOR
    path.write_bytes(b"{}")
    assert [(one.kind, one.severity) for one in of_feed(kept)] == [("cursor", Severity.DAMAGE)]

    path.unlink()
    assert [(one.kind, one.severity) for one in of_feed(kept)] == [("cursor", Severity.NOTE)]
