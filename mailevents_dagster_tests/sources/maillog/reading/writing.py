"""A mail server's writer that never stops while rotation goes on: a process of its own."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from mailevents_dagster_tests.sources.maillog.reading.server import NOON, exim

SECONDS_A_LINE: Final = 2


def line(number: int) -> str:
    return exim(NOON + number * SECONDS_A_LINE, f"{number} <= sender@example.com {'x' * (number % 90)}")


def number_of(text: str) -> int | None:
    """Return the number of a line; None where it is a part of one."""
    words = text.split()
    number = int(words[2]) if len(words) > 2 and words[2].isdigit() else -1
    return number if number >= 0 and text == line(number) else None


@contextmanager
def writing(path: Path, count: int, *, keeps_open: bool = False) -> Iterator[subprocess.Popen[bytes]]:
    """Have so many lines written; by name each time, as Exim does, or to a file that stays open, as syslog does."""
    command = [sys.executable, "-m", __name__, str(path), str(count), str(int(keeps_open))]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == b"begun\n"
            yield process
        finally:
            process.kill()


def _write(path: Path, count: int, *, keeps_open: bool) -> None:
    numbers, handle = random.Random(7), None
    for number in range(count):
        if handle is None or not keeps_open:
            if handle is not None:
                os.close(handle)
            handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        whole = f"{line(number)}\n".encode()
        cut = numbers.randrange(len(whole)) if number and numbers.random() < 0.05 else len(whole)
        os.write(handle, whole[:cut])
        if cut < len(whole):
            time.sleep(0.002)  # so that it is read meanwhile
            os.write(handle, whole[cut:])
        if number == 0:
            sys.stdout.write("begun\n")
            sys.stdout.flush()
        if number % 20 == 0:
            time.sleep(0.001)


if __name__ == "__main__":
    _write(Path(sys.argv[1]), int(sys.argv[2]), keeps_open=sys.argv[3] == "1")
