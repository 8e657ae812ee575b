"""Whether what lies in a storage agrees with the settings that it is opened with."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.files.stored_path import is_local
from mailevents_dagster.model.feed import Feed, FeedKind
from mailevents_dagster.store.description import described_timezone, timezones_of_manifests
from mailevents_dagster.store.inventory import stored_feeds
from mailevents_dagster.store.layout import Layout
from mailevents_dagster.store.retention import Retention

Disagreement = tuple[str, str]
"""The key of the settings, and what is wrong with it."""


def disagreements(
    layout: Layout, timezone: str, retention: Retention, feeds: Collection[Feed], kinds: Iterable[FeedKind]
) -> Iterator[Disagreement]:
    """Yield what is wrong with settings of these feeds. An object store is believed: looking there takes long."""
    description = layout.description
    if is_local(description):
        yield from _timezone_differs(description, timezone)
        yield from _nothing_held(layout, retention, feeds, kinds)


def _timezone_differs(description: Path, timezone: str) -> Iterator[Disagreement]:
    """The manifests are asked where the storage does not say that its data are in the time zone of the settings."""
    try:
        described = described_timezone(description)
        if described is None or described == timezone:
            return
        stored = timezones_of_manifests(description.parent) or {described}
    except OSError as error:
        yield "storage", f"holds manifests/store.json, which cannot be read ({error.strerror}); check its rights"
        return
    except DamagedError:
        stored = timezones_of_manifests(description.parent)
        if not stored:
            what = "holds manifests/store.json, which does not say in what time zone the data are, and no manifest does"
            mend = f"restore it, delete it if the data are in {timezone}, or choose another storage folder"
            yield "storage", f"{what}; {mend}"
    if others := sorted(stored - {timezone}):
        zones = ", ".join(f"`{one}`" for one in others)
        what = f"is {timezone}, but the data in the storage were written in {zones}"
        mend = f"write `timezone: {others[0]}`, or keep {timezone} and choose another storage folder"
        yield "timezone", f"{what}; {mend}, to collect into it anew"


def _nothing_held(
    layout: Layout, retention: Retention, feeds: Collection[Feed], kinds: Iterable[FeedKind]
) -> Iterator[Disagreement]:
    """A hold that matches no feed protects nothing: with a typing mistake in it, evidence would be destroyed."""
    doubtful = retention.meaningless_holds(feeds)
    if not doubtful:
        return
    try:
        doubtful = retention.meaningless_holds([*feeds, *stored_feeds(layout, kinds)])
    except OSError as error:
        yield "storage", f"holds {error.filename}, which cannot be read ({error.strerror})"
        return
    such_as = next((f"; feeds are written like `{feed}`" for feed in feeds), "")
    for hold in doubtful:
        key = f"retention.legal_hold[{retention.holds.index(hold)}].feeds"
        yield key, f"'{hold.feeds}' matches no feed of these settings or of the storage{such_as}"
