"""A folder on an SFTP server: files go there beside their names, are read back, and only then get their names.

Only a server whose key is in `known_hosts` is spoken to. Paramiko holds the line; none of its defaults that trust or
search for keys are used.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from posixpath import dirname, join
from typing import TYPE_CHECKING, Final, Self

from mailevents_dagster.deliveries.sftp_failures import (
    FULL,
    NameTakenError,
    SftpAccess,
    SftpError,
    broken_off,
    changed_key,
    not_reached,
    not_sftp,
    refused,
    refused_sign_in,
    unknown_key,
    unusable_key,
)
from mailevents_dagster.model.event import StoppedError

if TYPE_CHECKING:
    from paramiko import PKey, SFTPClient, SSHClient

CONNECT_SECONDS: Final = 15
ANSWER_SECONDS: Final = 60
CHUNK: Final = 32_768
"""Bytes of a request: what every server takes."""
WINDOW: Final = 32
"""Requests on their way at a time when a file is read back: a megabyte."""
PART: Final = ".part"
_LOG: Final = logging.getLogger(f"{__name__}.library")
_LOG.addHandler(logging.NullHandler())
_LOG.propagate = False  # paramiko logs traces of what is told here in a sentence


class SftpFolder:
    """The folder, from `with` on until it ends. Names are relative to it, with `/` between folders."""

    def __init__(self, access: SftpAccess, stop: threading.Event | None = None) -> None:
        self.access = access
        self._stop = stop or threading.Event()
        self._closing = ExitStack()
        self._there = {"", "/", "."}
        """Folders that were made or seen, of which nothing is asked again."""
        self._sftp: SFTPClient

    def __enter__(self) -> Self:
        with ExitStack() as closing:
            self._sftp = _connected(self.access, closing)
            self._make_folders(self.access.folder)
            self._closing = closing.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def names(self, folder: str) -> set[str]:
        """Return the names in a folder below this one; none where it is not there."""
        with self._telling("listing the folder"):
            try:
                return set(self._sftp.listdir(self._path(folder)))
            except FileNotFoundError:
                return set()

    def size_of(self, name: str) -> int | None:
        """Return the size of a file, or None where it is not there."""
        with self._telling("looking at a file"):
            try:
                return self._sftp.stat(self._path(name)).st_size
            except FileNotFoundError:
                return None

    def put(
        self,
        local: Path,
        name: str,
        sha256: str,
        report: Callable[[int], object] = lambda _: None,
        *,
        has_begun: bool = True,
    ) -> None:
        """Upload a file as NAME.part and read it back; go on where an earlier try ended.

        `report` hears how many bytes of it are there. Whoever knows that no earlier try `has_begun` spares a question.
        """
        part = f"{name}{PART}"
        self._make_folders(self._path(dirname(name)))
        for _ in range(2):
            size = self._send(local, part, self.size_of(part) if has_begun else None, report)
            if self.digest(part, size) == sha256:
                return
            self.remove(part)  # what was left there is of another file, or damaged
        raise SftpError(f"{self.access} does not give back what was uploaded, twice: check its disk", is_passing=True)

    def publish(self, name: str) -> None:
        """Give NAME.part its name, at once and whole. Nothing that is there is written over."""
        part, whole = self._path(f"{name}{PART}"), self._path(name)
        with self._telling("renaming a file"):
            try:
                self._sftp.rename(part, whole)  # which OpenSSH refuses where the name is taken
            except OSError:
                if self.size_of(name) is not None:
                    raise NameTakenError(self.access, name) from None
                self._sftp.posix_rename(part, whole)  # for file systems without hard links

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with self._telling("removing a file"), suppress(FileNotFoundError):
            self._sftp.remove(self._path(name))

    def digest(self, name: str, size: int | None = None) -> str:
        """Return the SHA-256 of a file as the server gives it back; whoever knows its size spares a question."""
        digest, size = hashlib.sha256(), (self.size_of(name) or 0) if size is None else size
        with self._telling("reading a file back"), self._sftp.open(self._path(name), "rb") as file:
            for first in range(0, size, CHUNK * WINDOW):
                self._check_stop()
                end = min(size, first + CHUNK * WINDOW)
                for piece in file.readv([(at, min(CHUNK, end - at)) for at in range(first, end, CHUNK)]):
                    digest.update(piece)
        return digest.hexdigest()

    def _send(self, local: Path, part: str, there: int | None, report: Callable[[int], object]) -> int:
        """Write a file, or what follows what is there of it, and return its size."""
        size = local.stat().st_size
        if there is not None and there > size:
            there = 0
        mode = "r+b" if there else "wb"
        with (
            local.open("rb") as source,
            self._telling("writing a file"),
            self._sftp.open(self._path(part), mode) as target,
        ):
            source.seek(there or 0)
            target.seek(there or 0)
            target.set_pipelined(True)
            while piece := source.read(CHUNK):
                self._check_stop()
                target.write(piece)
                report(source.tell())
        if (kept := self.size_of(part)) != size:  # the answers to the last writes are not looked at
            raise SftpError(f"{self.access} kept {kept or 0:,} of {size:,} bytes of a file. {FULL}", is_passing=True)
        return size

    def _make_folders(self, path: str) -> None:
        if path in self._there:
            return
        with self._telling("making a folder"):
            try:
                self._sftp.stat(path)
            except FileNotFoundError:
                self._make_folders(dirname(path))
                self._sftp.mkdir(path)
        self._there.add(path)

    def _path(self, name: str) -> str:
        return join(self.access.folder or ".", name) if name else self.access.folder or "."

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise StoppedError("The upload was stopped.")

    @contextmanager
    def _telling(self, doing: str) -> Iterator[None]:
        """Turn what the library raises into what a person can act upon."""
        from paramiko import SSHException

        try:
            yield
        except (SSHException, EOFError, ConnectionError, TimeoutError) as error:
            raise broken_off(self.access) from error
        except OSError as error:
            if str(error) == "Socket is closed":
                raise broken_off(self.access) from error
            raise refused(self.access, error, doing) from error


def _connected(access: SftpAccess, closing: ExitStack) -> SFTPClient:
    """Return a signed-in client, which `closing` closes."""
    try:
        import paramiko
    except ImportError:
        raise SftpError("paramiko is not installed: pip install 'mailevents-dagster[mailbox]'") from None

    class Refusing(paramiko.MissingHostKeyPolicy):
        def missing_host_key(self, client: SSHClient, hostname: str, key: PKey) -> None:  # noqa: ARG002
            raise unknown_key(access, _shown(key))

    client = paramiko.SSHClient()
    closing.callback(client.close)
    client.set_log_channel(_LOG.name)
    client.set_missing_host_key_policy(Refusing())
    _load_known_hosts(client, access)
    _sign_in(client, access)
    if transport := client.get_transport():
        transport.set_keepalive(CONNECT_SECONDS)  # nothing is sent while a database is made
    return _opened(client, access)


def _sign_in(client: SSHClient, access: SftpAccess) -> None:
    """Connect and sign in; what fails is told to those who must act."""
    import paramiko

    try:
        client.connect(
            access.host,
            access.port,
            access.user,
            access.password,
            pkey=_private_key(access),
            timeout=CONNECT_SECONDS,
            banner_timeout=CONNECT_SECONDS,
            auth_timeout=ANSWER_SECONDS,
            channel_timeout=ANSWER_SECONDS,
            allow_agent=False,
            look_for_keys=False,
        )
    except paramiko.BadHostKeyException as error:
        raise changed_key(access, _shown(error.key), _shown(error.expected_key)) from error
    except paramiko.AuthenticationException as error:
        was_answered = _is_active(client)  # a connection that is cut meanwhile raises the same
        raise (refused_sign_in(access) if was_answered else not_sftp(access, signed_in=False)) from error
    except (paramiko.SSHException, EOFError) as error:
        raise not_sftp(access, signed_in=False) from error
    except paramiko.ssh_exception.NoValidConnectionsError as error:  # one for each of its addresses
        why = next(iter(error.errors.values()))
        raise not_reached(access, why if isinstance(why, OSError) else error) from error
    except OSError as error:
        raise not_reached(access, error) from error


def _opened(client: SSHClient, access: SftpAccess) -> SFTPClient:
    from paramiko import SSHException

    try:
        sftp = client.open_sftp()
    except (SSHException, EOFError, OSError) as error:
        raise not_sftp(access, signed_in=_is_active(client)) from error
    if channel := sftp.get_channel():
        channel.settimeout(ANSWER_SECONDS)
    return sftp


def _is_active(client: SSHClient) -> bool:
    transport = client.get_transport()
    return transport is not None and transport.is_active()


def _load_known_hosts(client: SSHClient, access: SftpAccess) -> None:
    try:
        client.load_host_keys(str(access.known_hosts))
    except FileNotFoundError:
        return  # then no key is known, which is said once the server has shown its own
    except Exception as error:
        raise SftpError(f"{access.known_hosts} cannot be read ({type(error).__name__}): correct it") from error


def _private_key(access: SftpAccess) -> PKey | None:
    import paramiko

    if access.key is None:
        return None
    try:
        return paramiko.PKey.from_path(access.key)
    except OSError as error:
        raise unusable_key(access, f"cannot be read ({error.strerror})") from error
    except Exception as error:
        raise unusable_key(access, f"is not such a key ({type(error).__name__})") from error


def _shown(key: PKey) -> str:
    return f"{key.get_name()} {key.fingerprint}"
