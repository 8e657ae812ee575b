"""What a collected hour lacks of what its source shows."""

from __future__ import annotations

from dataclasses import dataclass

from mailevents_dagster.store.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Lack:
    """What a collected hour does not hold of what its source shows."""

    details_owed: int = 0
    """Details that could not be had and are asked for again."""
    details_purged: int = 0
    """Details that the source says it does not have."""
    gaps: int = 0
    """Seconds with more rows than the source can show, and times that it shows nothing of."""

    @property
    def is_incomplete(self) -> bool:
        """Whether the hour lacks something that the source has: a detail that it no longer has is nobody's to mend."""
        return bool(self.details_owed or self.gaps)

    def __add__(self, other: Lack) -> Lack:
        return Lack(
            self.details_owed + other.details_owed,
            self.details_purged + other.details_purged,
            self.gaps + other.gaps,
        )

    def __str__(self) -> str:
        numbers = (
            (self.details_owed, "details owed"),
            (self.gaps, "seconds too full or times lost"),
            (self.details_purged, "details that the source does not have"),
        )
        return ", ".join(f"{number:,} {what}" for number, what in numbers if number)


def lack_of(manifest: Manifest) -> Lack:
    """Return what the hour lacks, by its manifest."""
    return Lack(manifest.details_owed, manifest.details_purged, len(manifest.gaps))
