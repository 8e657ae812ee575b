"""Lines that stand in several logs of a server, such as mail.log, mail.warn and mail.err: each counts once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mailevents_dagster.sources.maillog.hour_lines import Lines

Keys = NDArray[np.int64]


class Repeats:
    """Lets a line through as often as it stands in the log that has it most often. One log after the other."""

    def __init__(self) -> None:
        self._most = _Counts()
        """How often each line was in one log, of those that are done."""
        self._now = _Counts()
        """How often it was in the log at hand, so far."""

    def next_log(self) -> None:
        """Begin with the lines of another log."""
        self._most, self._now = self._most.at_most(self._now), _Counts()

    def is_new(self, lines: Lines) -> NDArray[np.bool_]:
        """Return which of these lines are more than the logs before had."""
        # Python's own hash has another key in each process, so nobody can make lines that share one.
        keys = np.fromiter(map(hash, lines.texts.to_pylist()), np.int64, len(lines))
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        begins = np.concatenate([[True], ordered[1:] != ordered[:-1]])
        number = np.empty(len(keys), np.int64)
        number[order] = np.arange(len(keys)) - np.flatnonzero(begins)[np.cumsum(begins) - 1]
        new: NDArray[np.bool_] = self._now.of(keys) + number >= self._most.of(keys)
        self._now = self._now.plus(keys)
        return new


class _Counts:
    """How often keys occur."""

    def __init__(self, keys: Keys | None = None, counts: Keys | None = None) -> None:
        self._keys = np.empty(0, np.int64) if keys is None else keys
        self._counts = np.empty(0, np.int64) if counts is None else counts

    def of(self, keys: Keys) -> Keys:
        if not len(self._keys):
            return np.zeros(len(keys), np.int64)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[at] == keys, self._counts[at], 0)

    def plus(self, keys: Keys) -> _Counts:
        distinct, counts = np.unique(keys, return_counts=True)
        every = np.union1d(self._keys, distinct)
        return _Counts(every, self.of(every) + _Counts(distinct, counts).of(every))

    def at_most(self, other: _Counts) -> _Counts:
        """Return the greater count of each key."""
        every = np.union1d(self._keys, other._keys)
        return _Counts(every, np.maximum(self.of(every), other.of(every)))
