"""Files of addresses: how they are written is found, whatever it is."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailevents_dagster.deliverability.hygiene.table_file import TableFileError, Told, table_file

ROWS = [["Jörg", "jo@example.com", "Köln"], ["Şule", "anna@example.com", "İzmir"], ["Bob", "bob@example.org", "A, B"]]
NAMES = ["Name", "E-Mail", "City"]


def written(folder: Path, text: str | bytes, encoding: str = "utf-8") -> Path:
    file = folder / "list.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return file


def addresses(file: Path, **told: object) -> list[str]:
    found = table_file(file, Told(**told))  # type: ignore[arg-type]
    return [found.address(row) for _, row in found.rows()]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", ":"], ids=["comma", "semicolon", "tab", "bar", "colon"])
@pytest.mark.parametrize("quote", ['"', "'"], ids=["double", "single"])
@pytest.mark.parametrize("has_header", [True, False], ids=["header", "none"])
def test_delimiter_quote_and_header_are_found(tmp_path: Path, delimiter: str, quote: str, has_header: bool) -> None:
    rows = [NAMES, *ROWS] if has_header else ROWS
    text = "\r\n".join(delimiter.join(f"{quote}{cell}{quote}" for cell in row) for row in rows)
    found = table_file(written(tmp_path, text))
    assert (found.delimiter, found.has_header, found.column) == (delimiter, has_header, 1)
    assert [row for _, row in found.rows()] == ROWS


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1254"])
def test_the_encoding_is_found(tmp_path: Path, encoding: str) -> None:
    text = "\n".join(";".join(row[:2]) for row in [NAMES, *ROWS] * 5)
    assert addresses(written(tmp_path, text, encoding))[:2] == ["jo@example.com", "anna@example.com"]


def test_bytes_that_are_no_utf_8_further_down_come_out_as_they_came_in(tmp_path: Path) -> None:
    content = b"mail,name\n" + b"jo@example.com,Jo\n" * 40_000 + b"anna@example.com,M\xfcller\n"
    found = table_file(written(tmp_path, content))
    *_, (_, last) = found.rows()
    assert last[1].encode(found.encoding, found.errors) == b"M\xfcller"


def test_one_address_a_line_is_enough(tmp_path: Path) -> None:
    assert addresses(written(tmp_path, "jo@example.com\n\nanna@example.com")) == ["jo@example.com", "anna@example.com"]


def test_a_list_of_nothing_but_wrong_addresses_is_one_column(tmp_path: Path) -> None:
    assert addresses(written(tmp_path, "nobody\nnowhere\n")) == ["nobody", "nowhere"]


def test_of_two_columns_with_addresses_the_one_that_is_named_for_them_is_taken(tmp_path: Path) -> None:
    rows = "manager,email\n" + "boss@example.com,jo@example.com\n" * 3 + "boss@example.com,\n"
    assert addresses(written(tmp_path, rows))[0] == "jo@example.com"
    assert addresses(written(tmp_path, rows), column="manager")[0] == "boss@example.com"
    assert addresses(written(tmp_path, rows), column="1", has_header=False)[:2] == ["manager", "boss@example.com"]


def test_rows_are_numbered_without_the_header_and_blank_lines(tmp_path: Path) -> None:
    found = table_file(written(tmp_path, "mail\n\na@example.com\n\n\nb@example.com\n"))
    assert [number for number, _ in found.rows()] == [1, 2]


def test_short_rows_have_no_address(tmp_path: Path) -> None:
    assert addresses(written(tmp_path, "name,mail\nJo,jo@example.com\nAnna\nBob,bob@example.com\n")) == [
        "jo@example.com",
        "",
        "bob@example.com",
    ]


@pytest.mark.parametrize(
    ("text", "told", "words"),
    [
        ("", {}, "holds no rows"),
        ("a,b\nc,d\n", {}, "no column with addresses"),
        ("mail\na@example.com\n", {"column": "post"}, "no column `post`"),
        ("mail\na@example.com\n", {"column": "7"}, "no column 7"),
        ("mail\na@example.com\n", {"encoding": "no-such"}, "--encoding"),
        ("m\xfcll", {"encoding": "utf-16"}, "--encoding"),
    ],
    ids=["empty", "no addresses", "unknown name", "unknown number", "unknown encoding", "wrong encoding"],
)
def test_what_cannot_be_read_says_what_to_do(tmp_path: Path, text: str, told: dict[str, str], words: str) -> None:
    with pytest.raises(TableFileError, match=words):
        addresses(written(tmp_path, text), **told)


def test_a_quote_that_is_never_closed_takes_no_memory_and_says_so(tmp_path: Path) -> None:
    content = b"mail,name\n" + b"jo@example.com,Jo\n" * 400 + b'anna@example.com,"Anna\n' + b"x" * 3_000_000
    with pytest.raises(TableFileError, match="a quote may not be closed"):
        addresses(written(tmp_path, content))


@given(st.binary(max_size=400))
def test_any_bytes_are_rows_or_an_error(tmp_path: Path, content: bytes) -> None:
    with suppress(TableFileError):
        addresses(written(tmp_path, content))
