"""Files of messages and log lines, read piece by piece: what each tells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from itertools import chain, groupby, islice
from typing import BinaryIO, Final

from mailevents_dagster.sources.outcomes.notices.log_lines import notices_in_lines
from mailevents_dagster.sources.outcomes.notices.notice import Notice
from mailevents_dagster.sources.outcomes.notices.reading import notices_of

_PIECE: Final = 2**16
_MOST_LINES: Final = 2_000
"""Lines of a log that are looked at together."""
_FIRST_LINES: Final = 4
"""Lines by which a file is told to be a log: the first may be blank, or the end of one."""
_MESSAGES: Final = (".eml", ".msg", ".mime")
"""Ends of names of files that hold one message, whatever lines it has."""
_STAMP: Final = re.compile(
    rb"(?:<\d{1,3}>)?(?:\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d )"
)
_SEPARATOR: Final = re.compile(rb"From (?:\S.{0,300} )?.{0,40}\d\d?:\d\d?(?::\d\d)?.{0,20}\d{4}")
"""The line before each message of an mbox file: sender and date."""
_PACKED: Final = {
    b"\x1f\x8b": "zcat",
    b"BZh": "bzcat",
    b"\xfd7zXZ": "xzcat",
    b"\x28\xb5\x2f\xfd": "zstdcat",
    b"PK\x03\x04": "unzip -p",
}


class UnreadableError(ValueError):
    """The file holds no messages and no lines as they are."""


def notices_in(file: BinaryIO, name: str) -> Iterator[Notice]:
    """Yield what a file tells: one message, the messages of an mbox file, or the lines of a log.

    Raises `UnreadableError` where it is packed, and errors of the disk.
    """
    first = [file.readline(_PIECE) for _ in range(_FIRST_LINES)]
    program = next((program for magic, program in _PACKED.items() if first[0].startswith(magic)), None)
    if program:
        raise UnreadableError(f"is packed. Unpack it: {program} FILE | mailevents classify -")
    if not name.lower().endswith(_MESSAGES):
        lines = chain(first, iter(partial(file.readline, _PIECE), b""))
        if any(map(_STAMP.match, first)):
            yield from _of_log(lines)
            return
        if _SEPARATOR.match(next(filter(bytes.strip, first), b"")):
            yield from _of_mbox(lines)
            return
    yield from notices_of(chain(first, iter(partial(file.read, _PIECE), b"")))


def _of_mbox(lines: Iterator[bytes]) -> Iterator[Notice]:
    for _, message in groupby(_numbered(lines), lambda numbered: numbered[0]):
        yield from notices_of(line for _, line in message)


def _numbered(lines: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield each line with the number of its message; one begins behind a blank line."""
    number, before = 0, b"\n"
    for line in lines:
        if not before.strip() and _SEPARATOR.match(line):
            number += 1
        yield number, line
        before = line


def _of_log(lines: Iterator[bytes]) -> Iterator[Notice]:
    whole = (line.rstrip(b"\r\n").decode("utf-8", "replace") for line in _first_pieces(lines))
    while batch := [line for line in islice(whole, _MOST_LINES) if line.strip()]:
        yield from notices_in_lines(batch)


def _first_pieces(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Yield lines; of one that is longer than a piece no more than that."""
    is_begun = False
    for line in lines:
        if not is_begun:
            yield line
        is_begun = not line.endswith(b"\n")
