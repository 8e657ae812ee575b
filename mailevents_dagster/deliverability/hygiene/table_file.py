"""A file with addresses in one of its columns: how it is written is found by its first rows, or told."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from charset_normalizer import from_bytes

SAMPLE_BYTES: Final = 256 * 1024
SAMPLE_ROWS: Final = 300
DELIMITERS: Final = (",", ";", "\t", "|", ":", "^")
QUOTES: Final = ('"', "'")
_BOMS: Final = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Those of UTF-32 before those of UTF-16, which begin alike."""
_ADDRESS: Final = re.compile(r"[^\s@,;|:^\"'<>]+@[^\s@,;|:^\"'<>]+")
_NAME: Final = re.compile(r"e-?mail|e-?posta|mail|address|adres+e?|correo|courriel", re.IGNORECASE)


class TableFileError(ValueError):
    """The file cannot be read; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file, and how it is written."""

    path: Path
    encoding: str
    delimiter: str
    quote: str
    """Empty where nothing is quoted."""
    has_header: bool
    column: int
    """Of the addresses, from 0."""
    name: str
    """What that column is called."""
    width: int
    """How many columns rows have."""

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each row with its number, which counts from 1 without the header; blank lines have none."""
        with self.path.open(encoding=self.encoding, errors=self.errors, newline="") as file:
            number = 0 if self.has_header else 1
            for row in _parsed(file, self.delimiter, self.quote):
                if row:
                    if number:
                        yield number, row
                    number += 1

    @property
    def errors(self) -> str:
        """What becomes of bytes that the encoding does not have."""
        return _errors(self.encoding)

    @property
    def header(self) -> list[str] | None:
        if not self.has_header:
            return None
        with self.path.open(encoding=self.encoding, errors=self.errors, newline="") as file:
            return next(row for row in _parsed(file, self.delimiter, self.quote) if row)

    def address(self, row: Sequence[str]) -> str:
        return row[self.column].strip() if self.column < len(row) else ""


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of how a file is written; None: it is found."""

    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    has_header: bool | None = None
    column: str | None = None
    """Its name, or its number from 1."""


def table_file(path: Path, told: Told = Told()) -> TableFile:
    """Return how the file is written; TableFileError where that cannot be found."""
    with path.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
    encoding = told.encoding or _encoding(sample)
    try:
        text = codecs.getincrementaldecoder(encoding)(_errors(encoding)).decode(
            sample, final=len(sample) < SAMPLE_BYTES
        )
    except (LookupError, UnicodeError) as error:
        raise TableFileError(f"{path} is not {encoding} ({error}); name its encoding with --encoding") from None
    lines = text.splitlines(keepends=True)
    whole = lines if len(sample) < SAMPLE_BYTES else lines[:-1]
    delimiter, quote = _writing(whole[:SAMPLE_ROWS], told)
    rows = [row for row in _parsed(iter(whole[:SAMPLE_ROWS]), delimiter, quote) if row]
    if not rows:
        raise TableFileError(f"{path} holds no rows")
    found = TableFile(path, encoding, delimiter, quote, has_header=False, column=0, name="", width=1)
    return _with_column(found, rows, told)


def _errors(encoding: str) -> str:
    # What is no UTF-8 further down in the file comes out as it came in.
    return "surrogateescape" if encoding.lower().replace("_", "-").startswith("utf-8") else "strict"


def _parsed(lines: Iterator[str], delimiter: str, quote: str) -> Iterator[list[str]]:
    reader = csv.reader(
        lines,
        delimiter=delimiter,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        skipinitialspace=True,
    )
    try:
        yield from reader
    except (csv.Error, UnicodeError) as error:
        raise TableFileError(
            f"row {reader.line_num:,} cannot be read ({error}); a quote may not be closed (--quote '' reads quotes as "
            "letters), or the encoding is another one (--encoding)"
        ) from None


def _encoding(sample: bytes) -> str:
    for bom, encoding in _BOMS.items():
        if sample.startswith(bom):
            return encoding
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample, final=len(sample) < SAMPLE_BYTES)
    except UnicodeDecodeError:
        best = from_bytes(sample[: SAMPLE_BYTES // 4]).best()
        return best.encoding if best else "cp1252"
    return "utf-8"


def _writing(lines: Sequence[str], told: Told) -> tuple[str, str]:
    """Return the delimiter and the quote by which most rows have a cell that is an address, and like many cells."""
    delimiters = (told.delimiter,) if told.delimiter else DELIMITERS
    quotes = QUOTES if told.quote is None else (told.quote,)

    def fits(written: tuple[str, str]) -> tuple[int, float, int]:
        try:
            rows = [row for row in _parsed(iter(lines), *written) if row]
        except TableFileError:
            return (-1, 0.0, 0)
        widths = Counter(map(len, rows)).most_common(1) or [(0, 0)]
        width, times = widths[0]
        with_address = sum(any(_ADDRESS.fullmatch(cell.strip()) for cell in row) for row in rows)
        return (with_address, times / max(len(rows), 1), width)

    return max(((delimiter, quote) for delimiter in delimiters for quote in quotes), key=fits)


def _with_column(found: TableFile, rows: Sequence[Sequence[str]], told: Told) -> TableFile:
    width = max(map(len, rows))
    like = [sum(_is_address(row, place) for row in rows[1:]) for place in range(width)]
    first = [_is_address(rows[0], place) for place in range(width)]
    if told.column is None:
        column = _column(rows, [one + is_there for one, is_there in zip(like, first, strict=True)], found.path)
    else:
        column = _named(told.column, rows[0], width, found.path)
    is_name = not first[column] and "@" not in "".join(rows[0][column : column + 1])
    by_name = told.column is not None and not told.column.isdecimal()
    # A single row without an address is one that is wrong, unless it names the column.
    has_header = is_name and (bool(like[column]) or by_name or bool(_NAME.search(" ".join(rows[0]))))
    if told.has_header is not None:
        has_header = told.has_header
    name = rows[0][column] if has_header and column < len(rows[0]) else f"column {column + 1}"
    return replace(found, has_header=has_header, column=column, name=name, width=width)


def _is_address(row: Sequence[str], place: int) -> bool:
    return place < len(row) and bool(_ADDRESS.fullmatch(row[place].strip()))


def _column(rows: Sequence[Sequence[str]], like: Sequence[int], path: Path) -> int:
    """Return the column with the most addresses; of several with many, the one that is named for them."""
    if not any(like):
        if len(like) == 1:
            return 0
        raise TableFileError(f"{path} has no column with addresses in its first rows; name it with --column")
    many = [place for place, count in enumerate(like) if count * 2 >= max(like)]
    named = [place for place in many if place < len(rows[0]) and _NAME.search(rows[0][place])]
    return named[0] if named else max(many, key=lambda place: like[place])


def _named(column: str, first: Sequence[str], width: int, path: Path) -> int:
    if column.isdecimal():
        if not 1 <= int(column) <= width:
            raise TableFileError(f"{path} has {width} columns, so that there is no column {column}")
        return int(column) - 1
    names = [name.strip().casefold() for name in first]
    if column.strip().casefold() not in names:
        raise TableFileError(f"{path} has no column `{column}` in its first row; --column takes its number, too")
    return names.index(column.strip().casefold())
