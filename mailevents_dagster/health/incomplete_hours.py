"""What an hour does not hold of what its source has, as findings with what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from mailevents_dagster.model.event import Gap, Origin
from mailevents_dagster.store.manifest import Manifest
from mailevents_dagster.store.verify import Finding, Severity

ASK_AGAIN: Final = "Materialize the hour again: they are asked for first. If they stay, the run's log has the answers."
ASK_THE_VENDOR: Final = (
    "What it does not show cannot be had. Ask the vendor, or raise the page limit in the settings if it is below what "
    "the source allows."
)

GONE: Final = "Nothing brings it back unless the source has it again: then materialize the hour once more."


def gap_sentence(gap: Gap, zone: ZoneInfo) -> str:
    """Return a time that the source shows nothing of, in words."""
    first, end = (datetime.fromtimestamp(at, zone).isoformat() for at in (gap.second, gap.end or gap.second))
    return f"{first} to {end}: {gap.why}"


def lacks(manifest: Manifest) -> Iterator[Finding]:
    """Yield what the hour lacks, as mere notes while it is not closed, since it is listed again."""
    if manifest.origin is not Origin.SOURCE:  # what old logs lack is unknown
        return
    grave = Severity.INCOMPLETE if manifest.closed else Severity.NOTE

    def found(severity: Severity, kind: str, what: str, do: str, names: tuple[str, ...] = ()) -> Finding:
        return Finding(f"{manifest.domain} {manifest.feed}", manifest.hour, severity, kind, what, do, names)

    if owed := manifest.details_owed:
        what = f"{owed:,} details could not be had; rows of the listing stand in their place."
        yield found(grave, "details owed", what, ASK_AGAIN)
    zone = ZoneInfo(manifest.timezone)
    too_full = [gap for gap in manifest.gaps if gap.end is None]
    if too_full:
        seconds = tuple(datetime.fromtimestamp(gap.second, zone).isoformat() for gap in too_full)
        what = f"{len(seconds):,} seconds hold more events than the source shows at once:"
        yield found(grave, "seconds too full", what, ASK_THE_VENDOR, seconds)
    if lost := tuple(gap_sentence(gap, zone) for gap in manifest.gaps if gap.end is not None):
        what = f"Of {len(lost):,} times the source shows nothing:"
        yield found(grave, "lost at the source", what, GONE, lost)
    if purged := manifest.details_purged:
        what = f"The source says that it has no details of {purged:,} mails."
        yield found(Severity.NOTE, "details purged", what, "Nothing: rows of the listing are all there is.")
