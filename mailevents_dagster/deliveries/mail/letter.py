"""What a mail says, as blocks of which both its text and its HTML are made: so the two cannot differ. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from string import Template
from typing import Final

_FONT: Final = "font-family:Arial,Helvetica,sans-serif"
_INK, _SOFT, _LINE, _WARN = "#1d2127", "#5d646e", "#d9dde3", "#b45f06"
_CELL: Final = f"padding:4px 10px 4px 0;border-bottom:1px solid {_LINE};font-size:14px;color:{_INK}"
_FRAME: Final = Template(
    """\
<!DOCTYPE html>
<html lang="$language">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>$subject</title>
</head>
<body style="margin:0;padding:0;background-color:#f3f4f6">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="background-color:#f3f4f6">
<tr><td align="center" style="padding:16px">
<table role="presentation" width="640" cellpadding="0" cellspacing="0"
 style="width:100%;max-width:640px;background-color:#ffffff;border:1px solid #d9dde3;$font">
<tr><td style="padding:20px 24px;text-align:left">
$blocks
</td></tr>
</table>
</td></tr>
</table>
</body>
</html>
"""
)
"""The one frame of all mails: tables and inline styles, since mail programs know little else."""


@dataclass(frozen=True, slots=True)
class Heading:
    text: str
    level: int = 2

    def lines(self) -> Iterator[str]:
        yield from (self.text, ("=" if self.level == 1 else "-") * len(self.text), "")

    def html(self) -> str:
        size = {1: 22, 2: 18}.get(self.level, 15)
        style = f"margin:18px 0 6px 0;font-size:{size}px;color:{_INK}"
        return f'<h{self.level} style="{style}">{escape(self.text)}</h{self.level}>'


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines that belong together."""

    text: str
    is_soft: bool = False
    is_warning: bool = False

    def lines(self) -> Iterator[str]:
        yield from (self.text, "")

    def html(self) -> str:
        colour = _WARN if self.is_warning else _SOFT if self.is_soft else _INK
        text = "<br>\n".join(escape(line) for line in self.text.split("\n"))
        return f'<p style="margin:6px 0;font-size:14px;line-height:20px;color:{colour}">{text}</p>'


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts; the first column goes to the left, the others are numbers."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]

    def lines(self) -> Iterator[str]:
        rows = [self.heads, *self.rows]
        widths = [max(len(row[place]) for row in rows) for place in range(len(self.heads))]
        yield self.caption
        for row in rows:
            first = row[0].ljust(widths[0])
            others = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
            yield "  ".join(["", first, *others]).rstrip()
        yield ""

    def html(self) -> str:
        heads = "".join(
            f'<th scope="col" align="{_side(place)}" style="{_CELL};color:{_SOFT}">{escape(head)}</th>'
            for place, head in enumerate(self.heads)
        )
        rows = "\n".join(
            f"<tr>{''.join(_cell(place, cell) for place, cell in enumerate(row))}</tr>" for row in self.rows
        )
        return (
            f'<p style="margin:14px 0 2px 0;font-size:14px;font-weight:bold;color:{_INK}">{escape(self.caption)}</p>\n'
            f'<table width="100%" cellpadding="0" cellspacing="0">\n<tr>{heads}</tr>\n{rows}\n</table>'
        )


Block = Heading | Paragraph | Table


@dataclass(frozen=True, slots=True)
class Letter:
    """A subject of one line, and what stands below it."""

    subject: str
    blocks: Sequence[Block]
    language: str = "en"

    def text(self) -> str:
        lines = [line for block in self.blocks for line in block.lines()]
        return "\n".join(lines).rstrip("\n") + "\n"

    def html(self) -> str:
        blocks = "\n".join(block.html() for block in self.blocks)
        return _FRAME.substitute(
            language=escape(self.language), subject=escape(self.subject), font=_FONT, blocks=blocks
        )


def _side(place: int) -> str:
    return "right" if place else "left"


def _cell(place: int, text: str) -> str:
    return f'<td align="{_side(place)}" style="{_CELL}">{escape(text)}</td>'
