"""A process that collects hours of a server's log as it is told, each time in a fork that is killed after a while."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import pyarrow as pa

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.client import Options
from mailevents_dagster.sources.maillog.errors import LogError
from mailevents_dagster.sources.maillog.opening import client_of
from mailevents_dagster.store.opening import store_of
from mailevents_dagster_tests.sources.maillog.mail_server import LINES, SERVER

NEVER = 60.0


class KilledCollections:
    """Collects hours; forks come from a process without threads, where forking is safe."""

    def __init__(self, folder: Path) -> None:
        self._forks = subprocess.Popen(
            [sys.executable, "-m", __name__, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def collect(self, hours: Sequence[Hour], seconds: float = NEVER) -> str:
        """Return how a run ended that is killed after so many seconds: `committed`, `killed`, `later` or `broken`."""
        assert self._forks.stdin
        assert self._forks.stdout
        self._forks.stdin.write(f"{json.dumps([seconds, *(hour.start for hour in hours)])}\n")
        self._forks.stdin.flush()
        return self._forks.stdout.readline().strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._forks.communicate()


def _collect(folder: Path, starts: Sequence[int]) -> None:
    settings = load_settings(folder / "mailevents.yaml")
    store, client = store_of(settings), client_of(settings, SERVER)
    for start in starts:
        with store.open_hour(LINES, Hour(start, "UTC")) as work:
            work.commit(client.collect(work, Options()))
    client.close()


def _fork_for_each_line(folder: Path) -> None:
    pa.array([""])  # loads pandas: here once, and not in each fork
    for line in sys.stdin:
        seconds, *starts = json.loads(line)
        child = os.fork()
        if not child:
            code = 1
            try:
                _collect(folder, starts)
                code = 0
            except LogError as error:
                code = 2 if error.is_passing else 1
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        ended = 0
        if seconds < NEVER:
            time.sleep(seconds)
            os.kill(child, signal.SIGKILL)
        _, ended = os.waitpid(child, 0)
        word = {0: "committed", 2: "later"}.get(os.waitstatus_to_exitcode(ended), "broken")
        sys.stdout.write(f"{'killed' if os.WIFSIGNALED(ended) else word}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _fork_for_each_line(Path(sys.argv[1]))
