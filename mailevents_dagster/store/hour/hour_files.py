"""The files of one hour, and what the hours beside it hold."""

from __future__ import annotations

from collections.abc import Callable, Set
from contextlib import suppress
from dataclasses import dataclass

from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.files.stored_path import StoredPath
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.store.hour.snapshot_file import columns_of
from mailevents_dagster.store.layout import Layout
from mailevents_dagster.store.manifest import read_manifest


@dataclass(frozen=True, slots=True)
class HourFiles:
    """Where the files of an hour lie."""

    layout: Layout
    feed: Feed
    hour: Hour

    @property
    def snapshot(self) -> StoredPath:
        return self.layout.snapshot(self.feed, self.hour)

    @property
    def log(self) -> StoredPath:
        return self.layout.log(self.feed, self.hour)

    @property
    def manifest(self) -> StoredPath:
        return self.layout.manifest(self.feed, self.hour)

    def strays_beside(self, may_have: Callable[[int], bool] = lambda _: True) -> frozenset[bytes]:
        """Return strays that the hours before and after hold: a window's ends may return them here too.

        Only the manifests of those are read that may have any.
        """
        strays: set[bytes] = set()
        for beside in filter(lambda hour: may_have(hour.start), (self.hour.previous, self.hour.next)):
            with suppress(DamagedError):  # its own collection sets it aside and says so
                manifest = read_manifest(self.layout.manifest(self.feed, beside))
                strays.update(bytes.fromhex(stray) for stray in (manifest.strays if manifest else ()))
        return frozenset(strays)

    def held(self, identities: Set[bytes], *, is_committed: bool = False) -> frozenset[bytes]:
        """Return those of the identities that are committed in the hour; whether it is need not be known."""
        with suppress(DamagedError, FileNotFoundError):  # its own collection says so
            if is_committed or read_manifest(self.manifest):
                there = columns_of(self.snapshot, ["identity"]).column("identity")
                return frozenset(there.to_pylist()) & identities
        return frozenset()
