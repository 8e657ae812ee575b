"""How the journal of a server is reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailevents_dagster.sources.maillog.journal.entries import FIELDS


@dataclass(frozen=True, slots=True)
class JournalAccess:
    """Units of a journal: that of this machine, or one in a folder of journal files."""

    units: tuple[str, ...]
    """Names or patterns, as `journalctl --unit` takes them."""
    directory: str | None = None

    @property
    def name(self) -> str:
        """What the journal is called in messages and manifests."""
        return self.directory or "the journal of this machine"

    def of_units(self, *where: str) -> Sequence[str]:
        """Return the command that shows entries of the units from somewhere on, all fields whole."""
        units = [f"--unit={unit}" for unit in self.units]
        return [*self._command(*where), "--all", f"--output-fields={','.join(FIELDS)}", *units]

    def of_any(self, *where: str) -> Sequence[str]:
        """Return the command that shows entries of any unit: they tell how far the journal reaches.

        On this machine only its system's: what its users log may be much older, since it is removed on its own.
        """
        whose = [] if self.directory else ["--system"]
        return [*self._command(*where), "--output-fields=_BOOT_ID", *whose]

    def _command(self, *where: str) -> Sequence[str]:
        folder = [f"--directory={self.directory}"] if self.directory else []
        return ["journalctl", "--no-pager", "--output=json", *folder, *where]
