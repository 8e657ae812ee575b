"""What it means when an SFTP server does not take files: causes, and what to do. Pure.

Nothing of what a server said is repeated: its texts may hold anything.
"""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_NOT_REACHED: Final = {
    errno.ECONNREFUSED: "nothing listens there: check `host`, `port`, and whether the server runs",
    errno.EHOSTUNREACH: "there is no way to it: check `host` and the network",
    errno.ENETUNREACH: "there is no way to it: check `host` and the network",
}


@dataclass(frozen=True, slots=True)
class SftpAccess:
    """Which folder on which server, and how one signs in."""

    host: str
    user: str
    folder: str
    known_hosts: Path
    port: int = 22
    password: str | None = field(default=None, repr=False)
    key: Path | None = None
    """A file with a private key, instead of a password."""

    def __str__(self) -> str:
        return f"sftp://{self.host}:{self.port}/{self.folder.lstrip('/')}"


class SftpError(Exception):
    """The server did not take something, or cannot be used; the text says why and what to do."""

    def __init__(self, said: str, *, is_passing: bool = False) -> None:
        super().__init__(said)
        self.is_passing = is_passing
        """Whether trying again may help."""


class NameTakenError(SftpError):
    """A file with this name is there already; it was not written over."""

    def __init__(self, access: SftpAccess, name: str) -> None:
        super().__init__(f"{access}: {name} is there already, and was not written over", is_passing=True)
        self.name = name


def unknown_key(access: SftpAccess, fingerprint: str) -> SftpError:
    """Return the error of a server whose key stands in no file."""
    where = f"is not in {access.known_hosts}" + ("" if access.known_hosts.exists() else ", which does not exist")
    return SftpError(
        f"The key of {access} {where}; nothing was sent. It shows {fingerprint}. Ask the operator of the server "
        f"whether that is its key, then add it: ssh-keyscan -p {access.port} {access.host} >> {access.known_hosts}"
    )


def changed_key(access: SftpAccess, shown: str, known: str) -> SftpError:
    """Return the error of a server that shows another key than before."""
    name = access.host if access.port == 22 else f"[{access.host}]:{access.port}"
    return SftpError(
        f"{access} shows {shown}, but {access.known_hosts} says {known}: somebody may stand between. Nothing was "
        f"sent. Ask the operator of the server. Only if its key was changed: ssh-keygen -f {access.known_hosts} "
        f"-R '{name}', then add the new one"
    )


def refused_sign_in(access: SftpAccess) -> SftpError:
    """Return the error of a user whom the server does not let in."""
    what = "`password`" if access.key is None else f"that {access.key} is among its authorized keys"
    return SftpError(f"{access} does not let the user in: check `user` and {what}, and that it allows this way")


def unusable_key(access: SftpAccess, why: str) -> SftpError:
    """Return the error of a file that is no private key."""
    return SftpError(
        f"{access.key} {why}: `key` names a file with a private key, without a passphrase, that this user may read"
    )


def not_reached(access: SftpAccess, error: OSError) -> SftpError:
    """Return the error of a server that is away."""
    if isinstance(error, socket.gaierror):
        why = "its name is not known: check `host` and DNS"
    elif isinstance(error, TimeoutError):
        why = "it does not answer: check `host`, `port` and the firewall"
    else:
        why = _NOT_REACHED.get(error.errno or 0, "the connection failed: check `host`, `port` and the network")
    return SftpError(f"{access} cannot be reached: {why}", is_passing=True)


def not_sftp(access: SftpAccess, *, signed_in: bool) -> SftpError:
    """Return the error of a server that answers, and not as one of SFTP does."""
    if signed_in:
        return SftpError(f"{access} lets the user in and offers no SFTP: its operator must allow it")
    return SftpError(f"{access} does not speak SSH, or ended the talk: check `host` and `port`", is_passing=True)


def broken_off(access: SftpAccess) -> SftpError:
    return SftpError(f"The connection to {access} broke off; the next try goes on where it ended", is_passing=True)


def refused(access: SftpAccess, error: OSError, doing: str) -> SftpError:
    """Return the error of a server that was asked and did not do it."""
    if error.errno == errno.EACCES:
        return SftpError(f"{access} does not allow {doing}: give the user the right to write in the folder")
    if error.errno == errno.ENOENT:
        return SftpError(f"{access} knows no such place for {doing}: check `folder`", is_passing=True)
    return SftpError(f"{access} failed at {doing}, and SFTP does not say why. {FULL}", is_passing=True)


FULL: Final = "Most often its disk or the user's quota is full: make room there; what waits is kept"
