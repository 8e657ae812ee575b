"""`mailevents reports`."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from mailevents_dagster.cli.terminal import Exit, console
from mailevents_dagster.files.printable import printable

if TYPE_CHECKING:
    from mailevents_dagster.deliverability.reports.values import Aggregate, Broken, Report

STANDARD_INPUT: Final = "-"
_IN_MEMORY: Final = 2**24
_MOST_WORDS: Final = 5_000


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(exists=True, allow_dash=True))
def reports(*, files: tuple[str, ...]) -> None:
    """Print what is in reports of DMARC, TLS and complaints: one line of JSON each.

    A FILE is a report, packed or not, or a mail that brings one; `-` is standard input, and folders are walked. Needs
    no settings. Ends with 1 where something could not be read: it is told, and printed as an object of kind `broken`.
    """
    from mailevents_dagster.cli.progress import progress
    from mailevents_dagster.deliverability.reports.values import Broken

    err = console(stderr=True)
    seen: dict[tuple[str, ...], str] = {}
    is_whole = True
    with progress(err, None, lambda done: f"Reading: {done:,} reports") as advance:
        for file, report in ((path, one) for path in _walked(files) for one in _read(path)):
            advance(1)
            lost = (report.why,) if isinstance(report, Broken) else report.left_out
            for why in lost:
                is_whole = False
                words = "cannot be read" if isinstance(report, Broken) else "is not read whole; left out"
                said = printable(f"{report.file} {words}: {why}", _MOST_WORDS)
                err.print(said, markup=False, highlight=False, soft_wrap=True)
            _print(file, report, seen)
    sys.exit(Exit.DONE if is_whole else Exit.SOME_FAILED)


def _walked(files: tuple[str, ...]) -> Iterator[str]:
    for path in files:
        if path == STANDARD_INPUT or not Path(path).is_dir():
            yield path
            continue
        for folder, folders, names in os.walk(path):
            folders.sort()
            yield from (str(file) for name in sorted(names) if (file := Path(folder, name)).is_file())


def _read(path: str) -> "Iterator[Report | Broken]":
    from mailevents_dagster.deliverability.reports.reading import read_reports
    from mailevents_dagster.deliverability.reports.values import Broken

    try:
        with sys.stdin.buffer if path == STANDARD_INPUT else Path(path).open("rb") as stream:
            if stream.seekable():
                yield from read_reports(path, stream)
            else:
                with tempfile.SpooledTemporaryFile(_IN_MEMORY) as copy:
                    shutil.copyfileobj(stream, copy)
                    yield from read_reports(path, copy)
    except OSError as error:
        yield Broken(path, f"its disk says: {error.strerror}")


def _print(file: str, report: "Report | Broken", seen: dict[tuple[str, ...], str]) -> None:
    """Print a report on one line; the records of a large one are never in memory together."""
    from mailevents_dagster.deliverability.reports.values import Aggregate, Broken
    from mailevents_dagster.files.json_text import one_line

    head = {"file": file, "part": report.file.removeprefix(file).lstrip("/") or None, "kind": report.kind}
    if not isinstance(report, Broken):
        head["repeats"] = seen.get(report.key)
        seen.setdefault(report.key, report.file)
    line = one_line({**head, **_content(report)})
    if isinstance(report, Aggregate):
        _print_records(report, line[:-1])
    else:
        sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


def _print_records(report: "Aggregate", head: bytes) -> None:
    sys.stdout.buffer.write(head + b',"records":[')
    for number, line in enumerate(report.records.lines()):
        sys.stdout.buffer.write(b"," + line if number else line)
    sys.stdout.buffer.write(b"]}\n")


def _content(report: "Report | Broken") -> dict[str, Any]:
    from mailevents_dagster.deliverability.reports.values import Aggregate, Broken, Tls

    if isinstance(report, Broken):
        return {"why": report.why}
    content: dict[str, Any] = {"metadata": report.metadata}
    if isinstance(report, Aggregate):
        content |= {"policy": report.policy, "extension": report.extension, "faults": report.faults}
        content |= {"record_count": len(report.records), "message_count": report.records.messages}
    elif isinstance(report, Tls):
        content |= {"policies": report.policies}
    else:
        content |= {"feedback": report.feedback, "original": report.original}
    return content | {"left_out": report.left_out}
