"""An SFTP server on this machine whose files lie in a folder: for trying out how mails are delivered."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self, TypeVar
from weakref import WeakSet

import paramiko
from paramiko import ServerInterface, SFTPAttributes, SFTPHandle, SFTPServer
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED
from paramiko.sftp import SFTP_EOF, SFTP_FAILURE, SFTP_OK

from mailevents_dagster.deliveries.sftp_failures import SftpAccess
from mailevents_dagster.files.atomic import make_folder
from mailevents_dagster.sources.mailbox.delivery.attachments import BINARY

HOST: Final = "127.0.0.1"
USER: Final = "simulator"
T = TypeVar("T")

if TYPE_CHECKING:
    from typing_extensions import Buffer

_LOG: Final = logging.getLogger(f"{__name__}.library")
_LOG.addHandler(logging.NullHandler())
_LOG.propagate = False  # a connection that ends is no news


@cache
def simulated_access(folder: Path) -> SftpAccess:
    """Start a server of this folder, for as long as this process lives, and return how to sign in."""
    return SimulatedServer(folder).access


class SimulatedServer:
    """The server, at a free port of this machine, until it is closed."""

    def __init__(self, folder: Path, port: int = 0, key: paramiko.PKey | None = None) -> None:
        make_folder(folder)
        self.folder = folder
        self.key = key or paramiko.ECDSAKey.generate()
        self.password = secrets.token_urlsafe()
        self._known_hosts = folder.with_name(f"{folder.name}.known_hosts")
        self._listening = socket.create_server((HOST, port))
        self._transports: list[paramiko.Transport] = []
        self._thread = threading.Thread(target=self._serve, name="sftp server", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        port: int = self._listening.getsockname()[1]
        return port

    @property
    def access(self) -> SftpAccess:
        """Return how to sign in; the file that this names is made."""
        line = f"[{HOST}]:{self.port} {self.key.get_name()} {self.key.get_base64()}\n"
        self._known_hosts.write_text(line, encoding="ascii")
        return SftpAccess(HOST, USER, "/", self._known_hosts, self.port, self.password)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()
        for transport in self._transports:
            transport.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:  # it was closed
                return
            transport = paramiko.Transport(connection)
            transport.set_log_channel(_LOG.name)
            transport.add_server_key(self.key)
            transport.set_subsystem_handler("sftp", SFTPServer, _Files, self.folder)
            self._transports = [*(one for one in self._transports if one.is_active()), transport]
            with suppress(paramiko.SSHException, EOFError, OSError):
                transport.start_server(event=threading.Event(), server=_Door(self.password))


class _Door(ServerInterface):
    """Lets in whoever knows the password."""

    def __init__(self, password: str) -> None:
        self._password = password

    def check_auth_password(self, username: str, password: str) -> int:
        is_right = username == USER and secrets.compare_digest(password.encode(), self._password.encode())
        return AUTH_SUCCESSFUL if is_right else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002
        return OPEN_SUCCEEDED


def _answer(ask: Callable[[], T]) -> T | int:
    """Return what the disk says, or the code of SFTP where it refuses."""
    try:
        return ask()
    except OSError as error:
        return SFTPServer.convert_errno(error.errno or 0)


class _Files(paramiko.SFTPServerInterface):
    """The files of the folder, of which nothing outside is seen."""

    def __init__(self, server: ServerInterface, folder: Path) -> None:
        super().__init__(server)
        self._folder = folder
        self._opened = WeakSet[_OpenFile]()

    def _path(self, path: str) -> Path:
        return Path(f"{self._folder}{self.canonicalize(path)}")

    def list_folder(self, path: str) -> list[SFTPAttributes] | int:
        folder = self._path(path)
        return _answer(lambda: [SFTPAttributes.from_stat(one.stat(), one.name) for one in folder.iterdir()])

    def stat(self, path: str) -> SFTPAttributes | int:
        return _answer(lambda: SFTPAttributes.from_stat(self._path(path).stat()))

    def open(self, path: str, flags: int, _: SFTPAttributes) -> SFTPHandle | int:
        opened = _answer(lambda: _OpenFile(os.open(self._path(path), flags | BINARY, 0o600)))
        if isinstance(opened, _OpenFile):
            self._opened.add(opened)
        return opened

    def session_ended(self) -> None:
        """Close what is open: paramiko leaves it open where closing the channel fails, as on a line that was cut."""
        for one in list(self._opened):
            one.close()

    def mkdir(self, path: str, _: SFTPAttributes) -> int:
        return _answer(lambda: self._path(path).mkdir(0o700)) or SFTP_OK

    def remove(self, path: str) -> int:
        return _answer(self._path(path).unlink) or SFTP_OK

    def rename(self, oldpath: str, newpath: str) -> int:
        old, new = self._path(oldpath), self._path(newpath)
        return _answer(lambda: new.hardlink_to(old)) or _answer(old.unlink) or SFTP_OK  # a taken name is refused


class _OpenFile(SFTPHandle):
    def __init__(self, handle: int) -> None:
        super().__init__()
        self._file = os.fdopen(handle, "r+b", 0)

    def close(self) -> None:
        self._file.close()

    def stat(self) -> SFTPAttributes:
        return SFTPAttributes.from_stat(os.fstat(self._file.fileno()))

    def read(self, offset: int, length: int) -> bytes | int:
        self._file.seek(offset)
        return self._file.read(length) or SFTP_EOF

    def write(self, offset: int, data: Buffer) -> int:
        self._file.seek(offset)
        written = _answer(lambda: self._file.write(data))
        return SFTP_OK if written == len(memoryview(data)) else SFTP_FAILURE
