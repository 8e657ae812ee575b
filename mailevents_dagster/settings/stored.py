"""What the data in a storage say of the settings that they were written with."""

from __future__ import annotations

from pathlib import Path

from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.store.description import described_timezone, timezones_of_manifests


def stored_timezones(manifests: Path, timezone: str | None) -> set[str]:
    """Return the time zones that stored data were written in, none where nothing is stored yet.

    Where the storage does not say that they are in the one of the settings, the manifests are asked.
    """
    try:
        described = described_timezone(manifests / "store.json")
        if described is None or described == timezone:
            return set()
        return timezones_of_manifests(manifests) or {described}
    except OSError as error:
        raise ValueError(
            f"holds manifests/store.json, which cannot be read ({error.strerror}); check its rights"
        ) from None
    except DamagedError:
        if found := timezones_of_manifests(manifests):
            return found
        delete = f"delete it if the data are in {timezone}, " if timezone else ""
        raise ValueError(
            f"holds manifests/store.json, which does not say in what time zone the data are, and no manifest does; "
            f"restore it, {delete}or choose another storage folder"
        ) from None
