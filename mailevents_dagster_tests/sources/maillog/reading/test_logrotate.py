"""Real logrotate, and a writer that never stops: nothing missing but what a gap names, and nothing twice."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mailevents_dagster.sources.maillog.errors import LogError
from mailevents_dagster_tests.sources.maillog.reading.server import HOUR, NOON, Reader
from mailevents_dagster_tests.sources.maillog.reading.writing import SECONDS_A_LINE, number_of, writing

pytestmark = [pytest.mark.programs, pytest.mark.slow]
COUNT = 12_000
HOURS = range(NOON, NOON + COUNT * SECONDS_A_LINE, HOUR)


def rotate(folder: Path, options: str) -> None:
    settings = folder / "logrotate.conf"
    settings.write_text(f"{folder}/log/mainlog {{\nrotate 1000\nmissingok\nnotifempty\n{options}\n}}\n")
    settings.chmod(0o600)
    command = ["/usr/sbin/logrotate", "--force", "--state", str(folder / "state"), str(settings)]
    subprocess.run(command, check=False, capture_output=True)


def read(hours: Reader, start: int) -> None:
    try:
        hours.read(start)
    except LogError as error:
        if not error.is_passing:  # it was cut off while it was read
            raise


def numbers_in(hours: Reader) -> list[int]:
    """Return the numbers of the lines that are kept whole."""
    found = [number_of(one) for start in HOURS for one in hours.hours[start].lines.elements()]
    return [number for number in found if number is not None]


# Without delaycompress a writer that has the file open still writes to what is packed and removed: that is lost indeed.
@pytest.mark.parametrize(
    "options",
    [
        "nocreate",
        "nocreate\ncompress\ndelaycompress",
        "nocreate\ncompress\ndelaycompress\ncompresscmd /usr/bin/xz\ncompressext .xz\ncompressoptions -1",
        "nocreate\ndateext\ndateformat -%Y%m%d-%s\ncompress\ndelaycompress",
        "nocreate\ndateext\ndateformat -%Y%m%d-%s\nextension .log",
    ],
)
def test_what_rotation_renames_is_read_whole(tmp_path: Path, options: str) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    hours = Reader(f"{folder}/mainlog*", tmp_path / "index" / "index.json")
    with writing(folder / "mainlog", COUNT) as writer:
        step = 0
        while writer.poll() is None:
            read(hours, HOURS[step % len(HOURS)])
            rotate(tmp_path, options)
            step += 1
    assert writer.returncode == 0
    hours.read(*HOURS)
    assert sorted(numbers_in(hours)) == [*range(COUNT)]
    assert [gap for start in HOURS for gap in hours.hours[start].gaps] == []


@pytest.mark.parametrize("options", ["copytruncate", "copytruncate\ncompress\ndelaycompress", "copytruncate\ncompress"])
def test_what_copytruncate_loses_lies_in_gaps(tmp_path: Path, options: str) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    hours = Reader(f"{folder}/mainlog*", tmp_path / "index" / "index.json")
    with writing(folder / "mainlog", COUNT, keeps_open=True) as writer:
        step = 0
        while writer.poll() is None:
            read(hours, HOURS[step % len(HOURS)])
            rotate(tmp_path, options)
            step += 1
    assert writer.returncode == 0
    hours.read(*HOURS)
    numbers = numbers_in(hours)
    assert len(numbers) == len(set(numbers))
    gaps = [gap for start in HOURS for gap in hours.hours[start].gaps]
    for number in set(range(COUNT)) - set(numbers):
        at = NOON + number * SECONDS_A_LINE
        assert any(gap.second - 2 <= at <= (gap.end or 0) + 2 for gap in gaps), number
