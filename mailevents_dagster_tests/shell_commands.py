"""The `mailevents` command for shells: a script whose work a fork does, as `commands.mailevents` has it done.

The installed command loads Dagster for a second or two each time, and a page has up to fifteen of them.
"""

from __future__ import annotations

import ast
import os
import shlex
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

from mailevents_dagster.cli import main
from mailevents_dagster.settings import loading
from mailevents_dagster_tests.commands import become
from mailevents_dagster_tests.forks import FORKS

SCRIPT = """#!/bin/sh
exec {python} -IS {client} "$0" "$@"
"""
"""Not the client itself: the path of a Python behind `#!` may have no space."""
CLIENT = """import os, socket, sys
with socket.socket(socket.AF_UNIX) as forks:
    forks.connect({address!r})
    socket.send_fds(forks, [b"."], [0, 1, 2])
    forks.sendall(repr((sys.argv[1:], os.getcwd(), dict(os.environ))).encode())
    forks.shutdown(socket.SHUT_WR)
    sys.exit(int(forks.recv(8)))
"""


@contextmanager
def commands_of(checkout: Path) -> Iterator[Path]:
    """A folder with `mailevents` as if it were installed from this checkout, and with all that is installed here."""
    with TemporaryDirectory() as made, socket.socket(socket.AF_UNIX) as listening:
        folder, address = Path(made, "bin"), f"{made}/forks"
        folder.mkdir()
        for installed in Path(sys.executable).parent.iterdir():
            if installed.name != "mailevents":
                (folder / installed.name).symlink_to(installed)
        script, client = folder / "mailevents", Path(made, "client.py")
        client.write_text(CLIENT.format(address=address))
        script.write_text(SCRIPT.format(python=shlex.quote(sys.executable), client=shlex.quote(str(client))))
        script.chmod(0o755)
        listening.bind(address)
        listening.listen()
        answering = Thread(target=_answer, args=(listening, checkout))
        answering.start()
        try:
            yield folder
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            answering.join()


def _answer(listening: socket.socket, checkout: Path) -> None:
    with suppress(OSError):  # that nobody listens any more
        while True:
            shell, _ = listening.accept()
            Thread(target=_run, args=(shell, checkout)).start()


def _run(shell: socket.socket, checkout: Path) -> None:
    with shell:
        process = FORKS.Process(target=_run_main, args=(shell, checkout))
        process.start()
        process.join()
        code = process.exitcode or 0
        with suppress(OSError):  # that whoever asked was killed
            shell.sendall(str(code if code >= 0 else 128 - code).encode())


def _run_main(shell: socket.socket, checkout: Path) -> None:
    _, streams, *_ = socket.recv_fds(shell, 1, 3)
    asked = b"".join(iter(lambda: shell.recv(2**16), b""))
    arguments, folder, environ = ast.literal_eval(asked.decode())
    for own, stream in enumerate(streams):
        os.dup2(stream, own)
        os.close(stream)
    sys.stdin = os.fdopen(0, closefd=False)
    become(arguments, environ, folder)
    loading.__file__ = str(checkout / "mailevents_dagster" / "settings" / "loading.py")  # that is where settings lie
    main()
