"""Files that are either the old or the new, whole: written beside, flushed to disk, renamed into place.

On an object store a finished upload replaces the object at once, which gives the same promise without a rename. There
a version says what may be replaced: nothing that another wrote meanwhile.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile, mkstemp
from typing import IO, Final

from upath import UPath

from mailevents_dagster.files.objects import Version, create, fetched, write, write_if

PARTIAL: Final = ".partial"
SHARING_PAUSES: Final = (0.01, 0.05, 0.2, 0.5, 1.0, 2.0)
"""Seconds between tries to replace a file that another process reads; virus scanners take up to a few of them."""


def local(path: UPath) -> Path | None:
    """Return the path as one of this machine's, or None where it lies on an object store."""
    return Path(path.path) if path.protocol in ("", "file", "local") else None


@contextmanager
def publish(path: UPath, mode: int | None = None, version: Version | None = None) -> Iterator[IO[bytes]]:
    """Yield a file to write to that appears under its name when the block ends well, and not at all otherwise.

    Only this user may read it, unless a mode is given. On an object store it appears where this version is still there,
    and is the version then; else ChangedError. Without one it replaces whatever is there.
    """
    here = local(path)
    with naming(path), _beside(here, mode) if here else _uploaded(path, version) as file:
        yield file


def opened(path: UPath, version: Version | None = None) -> IO[bytes]:
    """Open a file to read, which stays as it is now where others replace it; FileNotFoundError where there is none.

    On an object store that is one request, and the version is what was found.
    """
    return path.open("rb") if local(path) else fetched(path, version)


def read_whole(path: UPath, version: Version | None = None) -> bytes:
    """Return what a file holds, with its version on an object store; FileNotFoundError where there is none."""
    with opened(path, version) as file:
        return file.read()


class Unnamed:
    """A file that is written before anybody knows its name."""

    def __init__(self, file: IO[bytes], partial: Path | None) -> None:
        self.file = file
        self._partial = partial
        """Where it lies until then; None where it is uploaded once it is whole."""
        self.folder: Path | None = None
        """Where it lies since it has its name."""

    def settle(self) -> None:
        """Flush it to disk; nothing is written to it afterwards."""
        self.file.flush()
        if self._partial:
            os.fsync(self.file.fileno())
            self.file.close()  # Windows renames no file that is open

    def create(self, path: UPath) -> bool:
        """Let it appear where no object has this name yet, once it is settled; return whether it does."""
        return local(path) is None and create(path, Path(self.file.name))

    def publish(self, path: UPath) -> None:
        """Let it appear under this name, once it is settled; that is durable when the block ends."""
        here = local(path)
        if self._partial and here:
            make_folder(here.parent)
            replace(self._partial, here)
            self.folder = here.parent
        else:
            write(path, Path(self.file.name))


@contextmanager
def unnamed(folder: UPath) -> Iterator[Unnamed]:
    """Yield a file to write to and to publish below this folder; unless that is done, nothing of it is left.

    Only this user may read it. A killed process leaves it behind under a name that ends as PARTIAL says.
    """
    here = local(folder)
    if here is None:
        with naming(folder), NamedTemporaryFile() as whole:
            yield Unnamed(whole, None)
        return
    make_folder(here)
    handle, name = mkstemp(PARTIAL, ".", here)
    with naming(folder), open(handle, "wb") as file:
        unnamed = Unnamed(file, Path(name))
        try:
            yield unnamed
        finally:
            file.close()
            Path(name).unlink(missing_ok=True)
        if unnamed.folder:
            sync_folder(unnamed.folder)


def show(path: Path, content: bytes) -> None:
    """Put a file there whole, for readers of the moment: a power cut may lose it."""
    make_folder(path.parent)
    partial = _partial(path)
    partial.write_bytes(content)
    replace(partial, path)


@contextmanager
def naming(path: UPath | Path) -> Iterator[None]:
    """Let errors of the disk name the file: a full disk is found by a write, which knows no name."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


@contextmanager
def _beside(path: Path, mode: int | None) -> Iterator[IO[bytes]]:
    make_folder(path.parent)
    partial = _partial(path)
    try:
        with open(partial, "wb", opener=_private) as file:
            yield file
            if mode is not None:
                set_mode(partial, mode)
            file.flush()
            os.fsync(file.fileno())
        replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _partial(path: Path) -> Path:
    # The name is always the same, so what a killed process left behind is written over by the next.
    return path.with_name(f".{path.name}{PARTIAL}")


def replace(partial: Path, path: Path) -> None:
    """Rename over what is there. Windows refuses while a reader has the file open, for moments."""
    for pause in (*SHARING_PAUSES, None) if os.name == "nt" else (None,):
        try:
            os.replace(partial, path)
        except PermissionError:
            if pause is None:
                raise
            time.sleep(pause)
        else:
            return


@contextmanager
def _uploaded(path: UPath, version: Version | None) -> Iterator[IO[bytes]]:
    with NamedTemporaryFile() as whole:
        yield whole
        whole.flush()
        if version is None:
            write(path, Path(whole.name))
        else:
            version.tag = write_if(path, Path(whole.name).read_bytes(), version.tag)


def append(path: Path, blocks: Iterable[bytes]) -> None:
    """Add to a file and flush it to disk."""
    with naming(path), open(path, "ab", opener=_private) as file:
        file.writelines(blocks)
        file.flush()
        os.fsync(file.fileno())


def make_folder(folder: Path) -> None:
    """Make the folder with its parents, for this user only."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)
        sync_folder(one.parent)


def set_mode(path: Path, mode: int) -> None:
    """Give a file or folder this mode. Windows has no such modes: there everything stays as its folder has it."""
    if os.name != "nt" and mode_of(path) != mode:
        path.chmod(mode)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder survive a power cut. Windows has no such call and does not need one."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with naming(folder):
            os.fsync(handle)
    finally:
        os.close(handle)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
