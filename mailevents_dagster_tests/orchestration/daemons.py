"""A project that runs by itself: Dagster's daemon and its code server as processes, with a home of their own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from mailevents_dagster_tests.homes import make_home

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Automated:
    """A folder with settings and Dagster's home, and the daemon that may run there."""

    folder: Path
    environ: Mapping[str, str]

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        with dg.DagsterInstance.from_config(str(self.home)) as instance:
            yield instance

    @contextmanager
    def daemon(self) -> Iterator[subprocess.Popen[bytes]]:
        """The daemon with all that it starts; none of it outlives the block."""
        with (self.folder / "daemon.log").open("ab") as log:
            command = [sys.executable, "-m", "dagster._daemon", "run", "-m", "mailevents_dagster.definitions"]
            daemon = subprocess.Popen(
                command, cwd=self.home, env=dict(self.environ), stdout=log, stderr=log, start_new_session=True
            )
            try:
                yield daemon
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(daemon.pid, signal.SIGKILL)
                daemon.wait()

    def collecting(self) -> list[int]:
        """The processes of runs in the middle of a feed of mails, or past that; the oldest first.

        They have committed an hour of it, and its other hours take seconds: what they did is not shown yet.
        """
        log = self.log()
        begun = re.findall(r"- collect_hours - (\S{36}) - (\d+) - RUN_START", log)
        return [int(process) for run, process in begun if re.search(rf"- {run} - \S+ - \S+ mail/.* log created", log)]

    def log(self) -> str:
        return (self.folder / "daemon.log").read_text(errors="replace")


def automated(folder: Path, settings: str, environ: Mapping[str, str]) -> Automated:
    """A project in the folder with these settings."""
    (folder / "mailevents.yaml").write_text(settings)
    make_home(folder / "home")
    # Every second, instead of five, a run that waits may start.
    dagsters = (PROJECT / "dagster.yaml").read_text() + "run_queue: {dequeue_interval_seconds: 1}\n"
    (folder / "home" / "dagster.yaml").write_text(dagsters)
    own = {"DAGSTER_HOME": str(folder / "home"), "MAILEVENTS_CONFIG": str(folder / "mailevents.yaml")}
    return Automated(folder, {**os.environ, **environ, **own, "PYTHONPATH": str(PROJECT)})
