"""A process that commits hours to an object store in forks of its own: they can be killed, and share nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from mailevents_dagster_tests.collecting.planned import hour_of
from mailevents_dagster_tests.conftest import START, collection, event
from mailevents_dagster_tests.object_server import environment
from mailevents_dagster_tests.store.kept import commit, unguarded

COMMON = "of all"


class ObjectProcess:
    """Forks come from a process that has neither threads nor connections, where forking is safe."""

    def __init__(self, url: str, scratch: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(scratch)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment(url)},
        )

    def begin(self, storage: str, name: str, hours: Sequence[int]) -> int:
        """Begin to commit an event of its own and one of all to each of these hours; return the fork's process id."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{json.dumps([storage, name, list(hours)])}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def end(self) -> int:
        """Wait for the fork and return how it ended; negative is the signal that killed it."""
        assert self._process.stdout
        return int(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


def _commit(scratch: Path, storage: str, name: str, hours: Sequence[int]) -> None:
    store = unguarded(storage, scratch=scratch)
    for number in hours:
        start = START + number * 3600
        commit(
            store,
            collection([event(start + 5, f"{COMMON} {start}"), event(start + 7, f"{name} {start}")]),
            hour=hour_of(number),
        )


def main() -> None:
    scratch = Path(sys.argv[1])
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            try:
                _commit(scratch, *json.loads(line))
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
