"""An installation of the old tool, as tests need it: INI file, positions, output."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mailevents_dagster_tests.commands import mailevents

KEY = "Xk3%y-$8'q\"\\7c1d"
"""With what INI files, shells and .env files would each make something else of."""
INI = f"""\
[DEFAULT]
api_key = {KEY}
use_session = True
[MailLogger:in]
domain = example.com
type = incominglog
[MailLogger:out]
domain = example.com
"""


@dataclass(frozen=True)
class OldTool:
    """The old tool's folder, and an empty one to move to."""

    folder: Path
    out: Path

    def ini(self, text: str, *, bom: bool = False) -> Path:
        path = self.folder / "uzmanposta.ini"
        path.write_bytes((b"\xef\xbb\xbf" if bom else b"") + text.encode())
        return path

    def position(self, section: str, text: object) -> Path:
        path = self.folder / "positions" / f"{section}.pos"
        path.parent.mkdir(exist_ok=True)
        path.write_text(str(text))
        return path

    def log(self, name: str, content: bytes) -> Path:
        path = self.folder / "output" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def migrate(self, *arguments: str, timezone: str = "Europe/Istanbul") -> subprocess.CompletedProcess[str]:
        """The command as a process, in the folder that is moved to."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER", "MAILEVENTS"))}
        ini = str(self.folder / "uzmanposta.ini")
        return mailevents("migrate", ini, *arguments, environ={**kept, "TZ": timezone}, folder=self.out)


def old_tool(folder: Path) -> OldTool:
    for name in ("old", "new"):
        (folder / name).mkdir()
    return OldTool(folder / "old", folder / "new")


def state(folder: Path) -> Mapping[str, tuple[bytes, int]]:
    """Every file with its content and its time; locks, which are empty, left out."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }
