"""A process that commits hours to an object store in forks of its own: they can be killed, and share nothing else."""

from __future__ import annotations

import os
import traceback
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Self

from mailevents_dagster_tests.collecting.planned import hour_of
from mailevents_dagster_tests.conftest import START, collection, event
from mailevents_dagster_tests.forks import FORKS, PATIENCE
from mailevents_dagster_tests.object_server import environment
from mailevents_dagster_tests.store.kept import commit, unguarded

COMMON = "of all"


class ObjectProcess:
    """Forks come from a process that has neither threads nor connections, where forking is safe."""

    def __init__(self, url: str, scratch: Path) -> None:
        self._tells, told = FORKS.Pipe()
        environ = {**os.environ, **environment(url)}
        self._process = FORKS.Process(target=_fork_for_each, args=(told, environ, scratch))
        self._process.start()
        told.close()

    def begin(self, storage: str, name: str, hours: Sequence[int]) -> int:
        """Begin to commit an event of its own and one of all to each of these hours; return the fork's process id."""
        self._tells.send((storage, name, hours))
        return self._hear()

    def end(self) -> int:
        """Wait for the fork and return how it ended; negative is the signal that killed it."""
        return self._hear()

    def _hear(self) -> int:
        assert self._tells.poll(PATIENCE)
        return int(self._tells.recv())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._tells.close()
        self._process.join(PATIENCE)


def _commit(scratch: Path, storage: str, name: str, hours: Sequence[int]) -> None:
    store = unguarded(storage, scratch=scratch)
    for number in hours:
        start = START + number * 3600
        commit(
            store,
            collection([event(start + 5, f"{COMMON} {start}"), event(start + 7, f"{name} {start}")]),
            hour=hour_of(number),
        )


def _fork_for_each(told: Connection, environ: Mapping[str, str], scratch: Path) -> None:
    os.environ.update(environ)
    while True:
        try:
            what = told.recv()
        except EOFError:
            return
        pid = os.fork()
        if not pid:
            try:
                _commit(scratch, *what)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        told.send(pid)
        told.send(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
