"""Folders as an IMAP server lists them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from imapclient.imap_utf7 import decode as decoded

_VIEWS: Final = frozenset({b"\\all", b"\\flagged", b"\\important"})
"""Special uses (RFC 6154) of folders that show what lies in others, too."""
_HOLDS_NOTHING: Final = frozenset({b"\\noselect", b"\\nonexistent"})


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that can be opened."""

    name: str
    """As the server wrote it."""
    path: str
    """As people read it, with / between a folder and those in it."""
    is_view: bool = False
    """Whether it shows what lies in other folders."""
    holds_drafts: bool = False


def folder_of(flags: Iterable[bytes], delimiter: bytes | None, name: bytes | str) -> Folder | None:
    """Return the folder of a row of LIST; None for one that holds no messages."""
    small = {flag.lower() for flag in flags}
    if small & _HOLDS_NOTHING:
        return None
    raw = name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name
    path = _readable(raw)
    if delimiter and (between := delimiter.decode("ascii", "replace")) != "/":
        path = path.replace(between, "/")
    return Folder(raw, path, bool(small & _VIEWS), b"\\drafts" in small)


def in_order(folders: Iterable[Folder]) -> Sequence[Folder]:
    """Return the folders in the order in which they are listed: a mail that lies in several is named by the first."""
    return sorted(folders, key=lambda folder: (folder.is_view, folder.path.lower() != "inbox", folder.path))


def _readable(name: str) -> str:
    """Decode modified UTF-7; what is none stays as it is."""
    try:
        return str(decoded(name.encode("ascii"))).encode("utf-8", "replace").decode()
    except ValueError:
        return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
