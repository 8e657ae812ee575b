"""What the pages show as examples, and a reader who does what they say in a checkout of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from mailevents_dagster.sources.uzmanposta.simulator import Simulator
from mailevents_dagster_tests.shell_commands import commands_of

CHECKOUT = Path(__file__).parents[1]
PAGES = [
    str(page.relative_to(CHECKOUT))
    for page in (*sorted(CHECKOUT.glob("*.md")), *sorted(CHECKOUT.glob("docs/*.md")), CHECKOUT / "benchmarks/README.md")
]
COMMANDS = Path(sys.executable).parent
"""Where `dg` and Python are that run the tests."""
TIMEZONE = "Europe/Istanbul"
WRITTEN = date(2026, 11, 21)
"""The day that is today on every page."""
TODAY = datetime.now(ZoneInfo(TIMEZONE)).date()
"""As the tests began: midnight may come while they run."""
KEY = "k3y-0f-a-reader"
OF_THE_SYSTEM = re.compile(r"(?<![\w./}])/(?=(?:etc|opt|srv|usr/local|var)/)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: str) -> Sequence[Block]:
    text = (CHECKOUT / page).read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, found[1], textwrap.dedent(found[2]))
        for found in re.finditer(r"^ *```(\w*)\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    ]


ALL_BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def as_of_today(text: str) -> str:
    """The text with all dates moved by so many days that the day it was written is today."""
    by = TODAY - WRITTEN
    return re.sub(r"2026-\d\d-\d\d", lambda found: str(date.fromisoformat(found[0]) + by), text)


def days_ago(days: int) -> str:
    return str(TODAY - timedelta(days))


@dataclass(frozen=True)
class Reader:
    """Somebody with a checkout in a folder, a server's file system in the folder beside it, and an API."""

    folder: Path
    system: Path
    api: Simulator
    environment: dict[str, str]

    @property
    def settings(self) -> Path:
        return Path(self.environment.get("MAILEVENTS_CONFIG", self.folder / "mailevents.yaml"))

    def does(self, block: Block) -> Sequence[str]:
        """Each command of the block that did not end with 0, as `CODE COMMAND`."""
        run = {"sh": self.shell, "cron": self.cron, "python": self.python}[block.language]
        return run(self.here(block.text))

    def here(self, text: str) -> str:
        """As of today, and with the system's paths below this one's."""
        moved = OF_THE_SYSTEM.sub(f"{self.system}/", as_of_today(text))
        return moved.replace("tar -C / ", f"tar -C {self.system} ")

    def shell(self, text: str) -> Sequence[str]:
        failed = self.folder / "failed"
        failed.write_text("")
        noting = f"set -E -o pipefail; trap 'echo \"$? $BASH_COMMAND\" >> {failed}' ERR\n"
        done = self._run(["bash", "-c", noting + text], KEY + "\n")
        commands = failed.read_text().splitlines() or [str(done.returncode)]
        return [f"{command}: {done.stdout}{done.stderr}" for command in commands] if commands != ["0"] else []

    def cron(self, text: str) -> Sequence[str]:
        """Runs each line as cron does: by `sh`, what stands behind the five times, `\\%` being `%`."""
        lines = [line.split(maxsplit=5) for line in text.splitlines()]
        assert all(re.fullmatch(r"[\d*/,-]+", time) for line in lines for time in line[:5])
        ran = [(line[5], self._run(["/bin/sh", "-c", line[5].replace("\\%", "%")])) for line in lines]
        return [f"{done.returncode} {command} {done.stderr}" for command, done in ran if done.returncode]

    def python(self, text: str) -> Sequence[str]:
        done = self._run([str(COMMANDS / "python"), "-c", text])
        return [f"{done.returncode} {done.stderr}"] if done.returncode else []

    def _run(self, command: Sequence[str], typed: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            input=typed,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )


@contextmanager
def reader_in(folder: Path, api: Simulator) -> Iterator[Reader]:
    """A checkout whose files are those of this one; what is written beside them stays in the folder."""
    checkout, system = folder / "checkout", folder / "system"
    for made in (checkout / ".venv", system):
        made.mkdir(parents=True)
    for name in files_of_a_checkout():
        (checkout / name).symlink_to(CHECKOUT / name)
    (checkout / ".venv" / "installed").touch()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER", "MAILEVENTS", "MAKE"))}
    with commands_of(checkout) as commands:
        (checkout / ".venv" / "bin").symlink_to(commands)
        yield Reader(
            checkout,
            system,
            api,
            # PYTHONPATH: the package is that of this checkout, which is where it looks for settings.
            kept | {"PYTHONPATH": str(checkout), "PATH": f"{commands}:{os.environ['PATH']}", "HOME": str(folder)},
        )


def files_of_a_checkout() -> Iterator[str]:
    """The names at the top that a clone has, and not what was collected or installed here."""
    for pattern in ("Makefile", "*.toml", "*.cfg", "*.txt", "*.md", "dagster.yaml", "workspace.yaml", "*.example.yaml"):
        yield from (path.name for path in CHECKOUT.glob(pattern))
    yield from ("benchmarks", "deploy", "docs", "mailevents_dagster")
