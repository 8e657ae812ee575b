"""What tests of verifying share: what is found, and files changed so that all hashes fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from mailevents_dagster.model.event import Event
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.store.inventory import Inventory
from mailevents_dagster.store.manifest import Manifest, StoredFile, read_manifest, write_manifest
from mailevents_dagster.store.store import Store
from mailevents_dagster.store.verify import FOR_EVER, Finding, verify_feed, verify_hour
from mailevents_dagster_tests.conftest import INCOMING, NOON, START
from mailevents_dagster_tests.store.kept import LOG, MANIFEST, SNAPSHOT, bring_log_up_to_date, files, mail, write_events

EVENTS = [mail(START + second) for second in (0, 5, 5, 90, 3599)]


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


FILES = {"log": LOG, "snapshot": SNAPSHOT, "manifest": MANIFEST}
