"""Words of others as messages hold them."""

from __future__ import annotations

import pytest

from mailevents_dagster.deliverability.quoting import few, quoted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("v=spf1", "`v=spf1`"),
        ("a`b", "`a'b`"),
        ("a\x1b[2Jb\n", r"`a\x1b[2Jb\n`"),
        ("x" * 200, f"`{'x' * 120}…`"),
        ("mailto:anna@example.com", "a text with an address"),
    ],
)
def test_a_text_is_quoted(text: str, shown: str) -> None:
    assert quoted(text) == shown


def test_few_things_are_named_and_the_rest_counted() -> None:
    assert few(["a", "b"]) == "a; b"
    assert few(map(str, range(7))) == "0; 1; 2; 3; 4; and 2 more"
