"""Text from elsewhere, as messages may hold it."""

from __future__ import annotations

import pytest

from mailevents_dagster.files.printable import counted, printable


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [
        ("as it is", 20, "as it is"),
        ("größer İ", 20, "größer İ"),
        ("two\nlines\r\n", 20, "two\\nlines\\r\\n"),
        ("\x1b[31mred\u2028\ud800", 30, "\\x1b[31mred\\u2028\\ud800"),
        ("12345", 5, "12345"),
        ("123456", 5, "12345…"),
        ("\n\n\n", 4, "\\n\\n…"),
    ],
)
def test_text_stays_on_one_line_obeys_no_terminal_and_is_cut(text: str, most: int, shown: str) -> None:
    assert printable(text, most) == shown
    assert printable(text, most).isprintable()


def test_one_is_singular_and_large_numbers_are_grouped() -> None:
    assert [counted(number, "hour") for number in (0, 1, 2, 1000)] == ["0 hours", "1 hour", "2 hours", "1,000 hours"]
