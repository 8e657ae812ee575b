"""OpenSSH's own server with internal-sftp, at a free port, with keys and settings of its own."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from getpass import getuser
from pathlib import Path
from typing import Self

from mailevents_dagster.deliveries.sftp_failures import SftpAccess

PATIENCE = 30.0
SETTINGS = """\
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/client_key.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PubkeyAuthentication yes
PasswordAuthentication yes
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
ListenAddress 127.0.0.1
Port {port}
"""


class Sshd:
    """The server, which can be killed and started again at the same port."""

    def __init__(self, folder: Path, most_bytes: int | None = None) -> None:
        """No file may become longer than `most_bytes`."""
        self.folder = folder
        self.files = folder / "files"
        self.files.mkdir(parents=True)
        self._most_bytes = most_bytes
        self.port = _free_port()
        for name in ("host_key", "client_key"):
            self.make_key(name)
        (folder / "sshd_config").write_text(SETTINGS.format(folder=folder, port=self.port))
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # which packages leave to the init system
        self.trust()
        self.start()

    @property
    def access(self) -> SftpAccess:
        return SftpAccess(
            "127.0.0.1",
            getuser(),
            str(self.files),
            self.folder / "known_hosts",
            self.port,
            key=self.folder / "client_key",
        )

    def make_key(self, name: str) -> None:
        """Make a key, or another one in its place."""
        for old in (self.folder / name, self.folder / f"{name}.pub"):
            old.unlink(missing_ok=True)
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name)]
        subprocess.run(command, check=True)

    def trust(self) -> None:
        """Write the server's key into known_hosts."""
        kind, key, *_ = (self.folder / "host_key.pub").read_text().split()
        (self.folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {kind} {key}\n")

    def start(self) -> None:
        program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        assert program, "openssh-server must be installed"
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, "-D", "-e", "-f", str(self.folder / "sshd_config")],
                stderr=log,
                start_new_session=True,
                restore_signals=False,  # so that a file that becomes too long is an error and no signal
                preexec_fn=self._limit,  # noqa: PLW1509  it only sets a limit
            )
        until = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), PATIENCE).close()
            except ConnectionRefusedError:
                assert self._process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < until
                time.sleep(0.02)
            else:
                return

    def _limit(self) -> None:
        if self._most_bytes:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self._most_bytes, self._most_bytes))

    def kill(self) -> None:
        """End the server and all of its sessions at once."""
        for child in _children(self._process.pid):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def _children(pid: int) -> list[int]:
    """Return the processes that a process started, and theirs, the last first."""
    found: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            found += [*_children(int(child)), int(child)]
    return found


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
