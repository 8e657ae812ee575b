"""Texts for people: each form in which mail servers name recipients and reasons, in many languages and charsets.

A file in `texts/` holds subject and author of a notice, a line for each recipient that it tells of (kind, recipient,
class, code, enhanced code), and its text. The words that introduce a recipient are those of the servers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from mailevents_dagster_tests.sources.outcomes.notices.messages_made import shown, written

TEXTS: Final = sorted((Path(__file__).parent / "texts").glob("*.txt"))


def read(file: Path) -> tuple[dict[str, str], list[str], str]:
    """Return subject and author, what is told, and the text."""
    head, _, text = file.read_text("utf-8").partition("\n\n")
    lines = [line.partition(": ")[::2] for line in head.split("\n")]
    fields = {name: value for name, value in lines if name != "Told"}
    return fields, [value for name, value in lines if name == "Told"], text


@pytest.mark.parametrize("file", TEXTS, ids=lambda file: file.stem)
def test_a_text_tells_of_each_recipient(file: Path) -> None:
    fields, told, text = read(file)
    assert shown(written(text, **fields)) == told
    assert shown(written(text, **fields, Return_Path="")) == told, "without the line that the last server adds"


@pytest.mark.parametrize("file", TEXTS, ids=lambda file: file.stem)
def test_a_text_as_html_tells_the_same_recipients(file: Path) -> None:
    fields, told, text = read(file)
    html = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", "<br>\n")
    message = written(f"<html><head><style>p {{}}</style></head><body>{html}</body></html>", **fields)
    recipients = [line.split()[:2] for line in shown(message.replace(b"text/plain", b"text/html"))]
    assert recipients == [line.split()[:2] for line in told]


@pytest.mark.parametrize(
    ("name", "charset"),
    [
        ("japanese", "iso-2022-jp"),
        ("japanese", "shift_jis"),
        ("korean", "euc-kr"),
        ("chinese", "gb2312"),
        ("russian", "koi8-r"),
        ("russian", "windows-1251"),
        ("turkish", "iso-8859-9"),
        ("polish", "iso-8859-2"),
        ("french", "iso-8859-15"),
    ],
)
def test_a_text_in_its_own_charset_tells_the_same(name: str, charset: str) -> None:
    fields, told, text = read(next(file for file in TEXTS if file.stem == name))
    assert shown(written(text, charset=charset, **fields)) == told


def test_what_a_person_wrote_is_no_notice_though_it_quotes_one() -> None:
    for file in TEXTS:
        fields, _, text = read(file)
        quoted = "\n".join(f"> {line}" for line in text.split("\n"))
        people = {"From": "Bob <bob@shop.example>", "Return_Path": "<bob@shop.example>"}
        answer = written(f"Do you know what this is?\n\n{quoted}", **people, Subject=f"Re: {fields['Subject']}")
        assert shown(answer) == ["none - - - -"], file.stem
        forward = written(f"Please look at this:\n\n{text}", **people, Subject=f"Fwd: {fields['Subject']}")
        assert shown(forward) == ["none - - - -"], file.stem
        news = written(text, **people, Subject="Our news of this week")
        assert shown(news) == ["none - - - -"], file.stem
