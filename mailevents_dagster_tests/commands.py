"""A folder with settings, an API beside it and the `mailevents` command as a process."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from mailevents_dagster.cli import main
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.uzmanposta.simulator import Simulator
from mailevents_dagster.store import inventory
from mailevents_dagster.store.opening import store_of
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.forks import FORKS, PATIENCE
from mailevents_dagster_tests.homes import make_home

COMMAND = str(Path(sys.executable).parent / "mailevents")
KEY = "a-key-that-nobody-may-see"
SETTINGS = """
start: {start}
storage: ./data
api: {{base_url: "{base_url}", requests_per_second: null, max_attempts: 2, max_parallel_details: 4}}
collect: {{hours_per_run: 2}}
accounts:
  - {{domain: a.example, api_key: "${{KEY_A}}", feeds: [authentication, mail/incominglog]}}
  - {{domain: b.example, api_key: "${{KEY_A}}", feeds: [mail/incominglog]}}
"""


def nothing() -> None: ...


def below(group: click.Group, name: str) -> click.Command:
    """The command of a group that has this name."""
    command = group.get_command(click.Context(group), name)
    assert command, name
    return command


def mailevents(
    *arguments: str, environ: Mapping[str, str], folder: Path | str = "/", before: Callable[[], None] = nothing
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end as a process, which calls `before` first.

    The process is a fork: the installed command loads Dagster for two seconds, and then works for a tenth of one. Tests
    of signals, of terminals and of what is loaded start the installed command.
    """
    with tempfile.TemporaryDirectory() as outputs:
        out, err = Path(outputs, "out"), Path(outputs, "err")
        process = FORKS.Process(target=_run_main, args=(arguments, dict(environ), str(folder), out, err, before))
        process.start()
        process.join(PATIENCE)
        assert process.exitcode is not None, "the command did not end"
        return subprocess.CompletedProcess(arguments, process.exitcode, out.read_text(), err.read_text())


def _run_main(
    arguments: Sequence[str], environ: Mapping[str, str], folder: str, out: Path, err: Path, before: Callable[[], None]
) -> None:
    for stream, path in ((sys.stdout, out), (sys.stderr, err)):
        with path.open("wb") as file:
            os.dup2(file.fileno(), stream.fileno())
    become([COMMAND, *arguments], environ, folder)
    before()
    main()


def become(arguments: Sequence[str], environ: Mapping[str, str], folder: str) -> None:
    """Make this process, a fork, what one that was started so would be.

    Where nothing older is stored, it names the hours of half a year: those of eight years take half a second.
    """
    inventory.FIRST = time.time() - 180 * 86_400
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    sys.argv = [*arguments]


@dataclass(frozen=True)
class Place:
    """Where somebody has set the project up; its hours begin some hours ago."""

    folder: Path
    api: Simulator
    settings: Settings

    @property
    def store(self) -> Store:
        return store_of(self.settings)

    @property
    def environment(self) -> dict[str, str]:
        """As cron gives it: next to nothing, and another folder."""
        return {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "MAILEVENTS_CONFIG": str(self.settings.source)}

    def run(self, *arguments: str, before: Callable[[], None] = nothing) -> subprocess.CompletedProcess[str]:
        return mailevents(*arguments, environ=self.environment, before=before)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [COMMAND, *arguments],
            env=self.environment,
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def on_a_terminal(self, *arguments: str) -> tuple[int, str]:
        """The exit code, and what the terminal was sent."""
        screen, inside = pty.openpty()
        environment = {**self.environment, "TERM": "xterm-256color", "COLUMNS": "150"}
        with subprocess.Popen([COMMAND, *arguments], env=environment, cwd="/", stdout=inside, stderr=inside) as running:
            os.close(inside)
            shown = b""
            while part := _read(screen):
                shown += part
            os.close(screen)
        return running.returncode, shown.decode()


def _read(screen: int) -> bytes:
    try:
        return os.read(screen, 65536)
    except OSError:  # Linux's way to say that nobody writes any more
        return b""


def set_up(folder: Path, api: Simulator, hours: int = 4, text: str = SETTINGS) -> Place:
    """Settings that begin so many ended hours ago, with the key in a .env and Dagster's home beside them."""
    make_home(folder / ".dagster")
    return set_up_without_home(folder, api, hours, text)


def set_up_without_home(folder: Path, api: Simulator, hours: int = 4, text: str = SETTINGS) -> Place:
    """As one finds it where nothing was ever collected."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "mailevents.yaml"
    file.write_text(text.format(start=written(hours_ago(hours)), base_url=api.base_url))
    (folder / ".env").write_text(f"KEY_A={KEY}\n")
    return Place(folder, api, load_settings(file, environ={"KEY_A": KEY}))


def hours_ago(hours: int) -> Hour:
    """The hour that ended so many settled hours ago; the newest for 1."""
    return Hour.containing(time.time() - 600 - hours * 3600, "UTC")


def written(hour: Hour) -> str:
    """The hour as people write it."""
    return f"{hour.key[:10]}T{hour.key[11:]}"


def feeds(place: Place) -> Sequence[str]:
    return [str(feed) for feed in place.settings.feeds]
