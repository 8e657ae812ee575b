"""A PostgreSQL in a folder of its own, for as long as a test needs it. On Debian: apt install postgresql."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import tempfile
from itertools import count
from pathlib import Path
from typing import Final, Literal, Self

USER: Final = "mailevents"
PASSWORD: Final = "a-password-for-a-test"
SETTINGS: Final = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{folder}'
fsync = off
max_connections = {connections}
"""


def programs() -> Path:
    """The folder of the newest PostgreSQL that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    assert found, "PostgreSQL is not installed. On Debian or Ubuntu: apt install postgresql"
    return found[-1]


class PostgresServer:
    """A server that may be stopped, or die, and be started again where it was."""

    def __init__(self, connections: int = 100) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mailevents-postgres-"))
        self._connections = connections
        self._user = "postgres" if getpass.getuser() == "root" else None
        """It refuses to run as root; Debian makes this user."""
        self._names = count(1)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]

    def __enter__(self) -> Self:
        password = self.folder / "password"
        password.write_text(PASSWORD)
        if self._user:
            for path in (self.folder, password):
                shutil.chown(path, self._user)
        self._run("initdb", "--username", USER, "--pwfile", str(password), "--auth", "scram-sha-256", "--no-sync")
        settings = SETTINGS.format(port=self.port, folder=self.folder, connections=self._connections)
        with open(self.folder / "data" / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write(settings)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_running:
            self.stop("immediate")
        shutil.rmtree(self.folder)

    @property
    def is_running(self) -> bool:
        return (self.folder / "data" / "postmaster.pid").exists()

    def start(self) -> None:
        self._run("pg_ctl", "start", "--wait", "--log", str(self.folder / "log"))

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop it: `fast` ends all sessions, `immediate` is as if the machine had lost its power."""
        self._run("pg_ctl", "stop", "--wait", "--mode", mode)

    def restart(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        self.stop(mode)
        self.start()

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"test_{next(self._names)}"
        self.sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def sql(self, statement: str, database: str = "postgres") -> list[str]:
        """Run a statement by hand, as a person would, and return the rows that it printed."""
        command = [programs() / "psql", "--no-psqlrc", "--tuples-only", "--no-align", "--quiet", self.url(database)]
        return subprocess.run(
            [*command, "--command", statement], check=True, capture_output=True, text=True
        ).stdout.splitlines()

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [programs() / program, "--pgdata", self.folder / "data", *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.folder,
            user=self._user,
            group=self._user,
            extra_groups=() if self._user else None,
        )
