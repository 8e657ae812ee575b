"""However a log is cut into files, packed, and read meanwhile, its hours are those of the whole log."""

from __future__ import annotations

import os
import random
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster_tests.sources.maillog.reading.server import (
    HOUR,
    NOON,
    PACKERS,
    GrowingLog,
    Reader,
    counted,
    exim,
    reader,
    syslog,
)

FEW = int(os.environ.get("MAILEVENTS_INTERLEAVINGS", "40"))


class Story:
    """A log that grows at random, while hours of it are read."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.log = GrowingLog(folder)
        self.form = self.random.choice([exim, syslog])
        self.reader: Reader = reader(self.log)
        self.time = NOON
        self.number = 0
        self.texts: defaultdict[int, Counter[str]] = defaultdict(Counter)
        self.bytes: Counter[int] = Counter()

    def grow(self) -> None:
        for _ in range(self.random.choice([1, 3, 30, 300])):
            self.time += self.random.choice([0, 0, 1, 5, 60, 900])
            at = self.time - (self.random.choice([0, 0, 0, 1, 3]) if self.time > NOON + 3 else 0)
            text = self.random.choice(["<= a@example.com", "Completed", "ç" * 40, "x" * 200])
            self.number += 1
            for _ in range(self.random.choice([1, 1, 1, 2])):
                self._write(at // HOUR * HOUR, self.form(at, f"{self.number} {text}"))

    def _write(self, hour: int, line: str) -> None:
        whole = f"{line}\n".encode()
        cut = len(whole)
        if self.texts and self.random.random() < 0.1:
            cut = self.random.randrange(len(whole))
        self._append(whole[:cut])
        if cut < len(whole):
            if self.random.random() < 0.3:
                self.read()
            self._append(whole[cut:])
        self.texts[hour][line] += 1
        self.bytes[hour] += len(whole)

    def _append(self, data: bytes) -> None:
        with self.log.path.open("ab") as file:
            file.write(data)

    def rotate(self) -> None:
        if self.log.path.stat().st_size:
            self.log.rotate()

    def pack(self) -> None:
        plain = [path for path in self.log.numbered() if path.suffix not in PACKERS]
        if plain:
            self.log.pack(self.random.choice(plain), self.random.choice([*PACKERS]))

    def lose_index(self) -> None:
        self.reader.index.unlink(missing_ok=True)

    def damage_index(self) -> None:
        if self.reader.index.exists():
            self.reader.index.write_bytes(self.reader.index.read_bytes()[:-40])

    def read(self) -> None:
        if self.texts:
            hours = [hour for hour in self.texts if self.random.random() < 0.3]
            self.reader.read(*hours, is_committed=self.random.random() < 0.8)

    def run(self, steps: int) -> None:
        self.grow()
        for _ in range(steps):
            chances = [self.grow] * 4 + [self.read] * 3 + [self.rotate, self.pack, self.lose_index, self.damage_index]
            self.random.choice(chances)()
        self.reader.read(*self.texts)


@pytest.mark.slow
@settings(max_examples=FEW)
@given(st.integers(0, 2**32))
def test_hours_are_those_of_the_whole_log_and_each_byte_is_counted_once(seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        story = Story(Path(folder), seed)
        story.run(15)
        for hour, lines in story.texts.items():
            kept = story.reader.hours[hour]
            assert kept.lines == lines
            assert sum(one.lines for one in kept.ranges) == lines.total()
            assert counted(kept.ranges) == story.bytes[hour]
            assert [gap for gap in kept.gaps if "begins at" not in gap.why] == []
