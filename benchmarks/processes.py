"""Work in processes of its own, none of which outlives the benchmark, also where that is killed."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Final, ParamSpec, Self, TypeVar

SPAWN: Final = multiprocessing.get_context("spawn")
"""A forked process would start with the memory and the modules of this one."""

P = ParamSpec("P")
T = TypeVar("T")


class ProcessFailedError(RuntimeError):
    """A process ended without a result; its traceback is on stderr."""


def start(target: Callable[..., None], *arguments: object, duplex: bool = True) -> Connection:
    """A process that runs `target(connection, *arguments)`; returns the other end of that connection."""
    ours, theirs = SPAWN.Pipe(duplex)
    SPAWN.Process(target=_run, args=(target, theirs, *arguments), daemon=True).start()
    theirs.close()  # now held by that process alone: its death is the end of the connection
    return ours


def _run(target: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    target(*arguments)


def _end_with_parent() -> None:
    # A killed parent ends no daemonic process, and a collector whose API is gone would retry for minutes.
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def receive(connection: Connection) -> Any:
    try:
        return connection.recv()
    except EOFError:
        raise ProcessFailedError("A process of the benchmark failed; what it says is above.") from None


class ServingProcess:
    """A process that serves an API until the block ends. It also ends when this one does, however that happens."""

    def __init__(self, serve: Callable[..., None], *arguments: object) -> None:
        self._serve = serve, *arguments

    def __enter__(self) -> Self:
        self._connection = start(*self._serve)
        self.base_url: str = receive(self._connection)
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def in_fresh_process(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """What `work` returns, done by a process that has only loaded what `work` needs."""
    with start(_send_result, work, arguments, named, duplex=False) as connection:
        result: T = receive(connection)
    return result


def _send_result(
    connection: Connection, work: Callable[..., object], arguments: tuple[object, ...], named: dict[str, object]
) -> None:
    connection.send(work(*arguments, **named))
