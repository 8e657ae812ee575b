"""HTML as text, as far as notices need it. It is not shown to anybody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Final

_TAG: Final = re.compile(r"<(/?)([a-zA-Z!][a-zA-Z0-9-]*)[^<>]*>?")
_BREAKS: Final = frozenset(
    ["br", "p", "div", "tr", "table", "li", "pre", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote"]
)
_UNSEEN: Final = frozenset(("style", "script", "head", "title"))
_AROUND_BREAKS: Final = re.compile(r" ?\n ?")
_SPACES: Final = re.compile(r"[ \t\r\n\xa0]+")


def text_of_html(html: str) -> str:
    """Return the text between the tags, on the lines that the commonest of them make."""
    return _AROUND_BREAKS.sub("\n", "".join(unescape(piece) for piece in _pieces(html)))


def _pieces(html: str) -> Iterator[str]:
    at, unseen = 0, ""
    for tag in _TAG.finditer(html):
        name = tag[2].lower()
        if not unseen:
            yield _SPACES.sub(" ", html[at : tag.start()])
            if name in _BREAKS:
                yield "\n"
            elif not tag[1] and name in _UNSEEN:
                unseen = name
        elif tag[1] and name == unseen:
            unseen = ""
        at = tag.end()
    if not unseen:
        yield _SPACES.sub(" ", html[at:])
