"""Locks by name, and who is at work: the one seam for all that keeps processes out of each other's way.

On one machine they are locks on files. What is shared between machines has kinds of its own, with the same promises.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from mailevents_dagster.files.atomic import make_folder
from mailevents_dagster.files.locks import holding, try_to_take

WhenHeld = Callable[[], object]
"""Called once where another holds the lock, which is waited for unless this raises."""


class HeldError(Exception):
    """Another process is at work, and is not waited for."""


def nothing() -> None:
    """Wait for a lock without a word."""


def refusing(why: str) -> WhenHeld:
    """Return what waits for no lock, but raises HeldError and says why."""

    def refuse() -> None:
        raise HeldError(why)

    return refuse


class Locks(Protocol):
    """Locks that go with their process, however it ends, and runs that sign in for as long as theirs lives."""

    def holding(self, name: str, when_held: WhenHeld = nothing) -> AbstractContextManager[None]:
        """Keep other processes and threads out while the block runs."""

    def briefly(self, name: str) -> AbstractContextManager[None]:
        """Keep others out for moments, from what is written on an object store only as it was read.

        There it need keep nobody out, where that would cost requests.
        """

    def sign_in(self, run_id: str) -> Callable[[], object]:
        """Say that this process works on a run, until it ends or calls what is returned.

        Who has signed in may do so again.
        """

    def runs(self) -> AbstractContextManager[Mapping[str, bool]]:
        """Yield of each run that signed in whether its process is there; one that is not is forgotten afterwards."""


GetLocks = Callable[[], Locks]
"""Returns the locks of a storage; only who changes something needs to know which these are."""


@dataclass(frozen=True, slots=True)
class FileLocks:
    """Locks on files of one machine. Those of runs have a folder of their own."""

    folder: Path

    def holding(self, name: str, when_held: WhenHeld = nothing) -> AbstractContextManager[None]:
        return holding(self.folder / f"{name}.lock", when_held)

    def briefly(self, name: str) -> AbstractContextManager[None]:
        return self.holding(name)

    def sign_in(self, run_id: str) -> Callable[[], object]:
        """Nothing signs out by itself: the run's last word comes after its work, and whoever looks deletes the file."""
        make_folder(self._runs)
        with self.holding("runs"):  # so that nobody finds the file before it is locked
            handle = os.open(self._runs / run_id, os.O_RDWR | os.O_CREAT, 0o600)
            try_to_take(handle)  # nobody else works on this run; where it is taken, this process has signed in before
        return partial(os.close, handle)

    @contextmanager
    def runs(self) -> Iterator[Mapping[str, bool]]:
        make_folder(self._runs)
        with self.holding("runs"):
            found = {file.name: _is_held(file) for file in self._runs.iterdir()}
            yield found
            for run_id, is_held in found.items():
                if not is_held:
                    (self._runs / run_id).unlink(missing_ok=True)

    @property
    def _runs(self) -> Path:
        return self.folder / "runs"


def _is_held(file: Path) -> bool:
    try:
        handle = os.open(file, os.O_RDWR)
    except FileNotFoundError:  # of a run of the version before, which signs out
        return True
    try:
        return not try_to_take(handle)
    finally:
        os.close(handle)
