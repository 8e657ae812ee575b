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
from tempfile import NamedTemporaryFile
from typing import IO, TYPE_CHECKING, Final

from mailevents_dagster.files.objects import Version, create, fetched, write, write_if
from mailevents_dagster.files.stored_path import StoredPath, is_local

if TYPE_CHECKING:
    from upath import UPath

PARTIAL: Final = ".partial"
SHARING_PAUSES: Final = (0.01, 0.05, 0.2, 0.5, 1.0, 2.0)
"""Seconds between tries to replace a file that another process reads; virus scanners take up to a few of them."""


@contextmanager
def publish(path: StoredPath, mode: int | None = None, version: Version | None = None) -> Iterator[IO[bytes]]:
    """Yield a file to write to that appears under its name when the block ends well, and not at all otherwise.

    Only this user may read it, unless a mode is given. On an object store it appears where this version is still there,
    and is the version then; else ChangedError. Without one it replaces whatever is there.
    """
    with naming(path), _beside(path, mode) if is_local(path) else _uploaded(path, version) as file:
        yield file


def opened(path: StoredPath, version: Version | None = None) -> IO[bytes]:
    """Open a file to read, which stays as it is now where others replace it; FileNotFoundError where there is none.

    On an object store that is one request, and the version is what was found.
    """
    return path.open("rb") if is_local(path) else fetched(path, version)


def read_whole(path: StoredPath, version: Version | None = None) -> bytes:
    """Return what a file holds, with its version on an object store; FileNotFoundError where there is none."""
    with opened(path, version) as file:
        return file.read()


class Unnamed:
    """A file that is written before anybody knows its name."""

    def __init__(self, file: IO[bytes], *, is_local: bool) -> None:
        self.file = file
        self._is_local = is_local
        """Whether it is renamed; else it is uploaded once it is whole."""
        self.folder: Path | None = None
        """Where it lies since it has its name."""

    def settle(self) -> None:
        """Flush it to disk; nothing is written to it afterwards."""
        self.file.flush()
        if self._is_local:
            os.fsync(self.file.fileno())
            self.file.close()  # Windows renames no file that is open

    def create(self, path: StoredPath) -> bool:
        """Let it appear where no object has this name yet, once it is settled; return whether it does."""
        return not is_local(path) and create(path, Path(self.file.name))

    def publish(self, path: StoredPath) -> None:
        """Let it appear under this name, once it is settled; that is durable when the block ends."""
        partial = Path(self.file.name)
        if is_local(path):
            make_folder(path.parent)
            replace(partial, path)
            self.folder = path.parent
        else:
            write(path, partial)


@contextmanager
def unnamed(folder: StoredPath) -> Iterator[Unnamed]:
    """Yield a file to write to and to publish below this folder; unless that is done, nothing of it is left.

    Only this user may read it. A killed process leaves it behind under a name that ends as PARTIAL says.
    """
    if not is_local(folder):
        with naming(folder), NamedTemporaryFile() as whole:
            yield Unnamed(whole, is_local=False)
        return
    make_folder(folder)
    with naming(folder), NamedTemporaryFile(suffix=PARTIAL, prefix=".", dir=folder, delete=False) as file:
        unnamed = Unnamed(file, is_local=True)
        try:
            yield unnamed
        finally:
            file.close()
            Path(file.name).unlink(missing_ok=True)
        if unnamed.folder:
            sync_folder(unnamed.folder)


def show(path: Path, content: bytes) -> None:
    """Put a file there whole, for readers of the moment: a power cut may lose it."""
    make_folder(path.parent)
    partial = _partial(path)
    partial.write_bytes(content)
    replace(partial, path)


@contextmanager
def naming(path: StoredPath) -> Iterator[None]:
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
