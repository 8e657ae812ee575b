"""The HTML of a message as it is shown: its text, what of it is invisible, links, pictures, what is active in it.

Python's own parser takes time that grows with the square of what is hostile: 19 s for 30 kB. libxml2 takes 0.5 s for a
million bytes, as long as elements are not nested deeper than people write them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from mailevents_dagster.deliverability.lint.styles import Look, look_of

MOST_LEVELS: Final = 500
"""Elements within each other; whatever is deeper is not read, nor what follows."""
_CHUNK: Final = 8_192
_LONGEST_TEXT: Final = 500
"""Characters of the text of a link that are kept."""
_SILENT: Final = frozenset({"script", "style", "title", "head", "template", "noscript", "meta"})
"""Elements whose text nobody reads."""
_ACTIVE: Final = frozenset({"script", "form", "iframe", "frame", "object", "embed", "applet", "audio", "video"})
_BREAKS: Final = frozenset({"br", "p", "div", "td", "th", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "table"})


@dataclass(slots=True)
class Link:
    """Where an element leads to, as it is written, and what it shows."""

    href: str | None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture; sizes in pixels where they are said."""

    source: str
    alt: str | None
    width: int | None
    height: int | None

    @property
    def is_pixel(self) -> bool:
        """Return whether nobody sees it: it counts who opened the mail."""
        return any(side is not None and side <= 2 for side in (self.width, self.height))


@dataclass(slots=True)
class Page:
    """What HTML shows."""

    text: str = ""
    hidden: str = ""
    links: list[Link] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    active: list[str] = field(default_factory=list)
    """Elements and attributes that do something, in words."""
    style_sheets: list[str] = field(default_factory=list)
    """Where styles are fetched from."""
    is_too_deep: bool = False


NO_PAGE: Final = Page()


def read_page(html: str) -> Page:
    """Return what HTML shows, as far as it can be read."""
    from lxml import etree  # loaded where it is used: definitions name the rules, too

    reader = _Reader()
    parser = etree.HTMLParser(target=reader, encoding="utf-8", huge_tree=True, no_network=True)
    data = html.encode("utf-8", "replace")
    try:
        for start in range(0, len(data), _CHUNK):
            parser.feed(data[start : start + _CHUNK])
            if reader.page.is_too_deep:
                break
        parser.close()
    except etree.LxmlError:
        pass  # there is nothing in it, or not more than was read
    return reader.done()


class _Reader:
    """Takes elements as they come; the names of its methods are those that lxml calls."""

    def __init__(self) -> None:
        self.page = Page()
        self._looks = [Look()]
        self._silent = 0
        self._link: Link | None = None
        self._text: list[str] = []
        self._hidden: list[str] = []
        self._has_style_sheet = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        look = look_of(attributes, self._looks[-1], has_style_sheet=self._has_style_sheet)
        self._looks.append(look)
        if len(self._looks) > MOST_LEVELS:
            self.page.is_too_deep = True
        if tag in _SILENT:
            self._silent += 1
            self._has_style_sheet = self._has_style_sheet or tag == "style"
        if tag in _BREAKS:
            self._text.append("\n")
        self._note(tag, attributes)

    def end(self, tag: str) -> None:
        if len(self._looks) > 1:
            self._looks.pop()
        if tag in _SILENT:
            self._silent -= 1
        if tag == "a":
            self._link = None

    def data(self, text: str) -> None:
        if self._silent:
            return
        (self._hidden if self._looks[-1].is_hidden else self._text).append(text)
        if self._link is not None:
            self._link.text = f"{self._link.text}{text}"[:_LONGEST_TEXT]

    def comment(self, text: str) -> None:
        pass

    def close(self) -> None:
        pass

    def done(self) -> Page:
        self.page.text = "".join(self._text)
        self.page.hidden = "".join(self._hidden)
        return self.page

    def _note(self, tag: str, attributes: Mapping[str, str]) -> None:
        page = self.page
        if tag in ("a", "area") and not ("href" not in attributes and ("name" in attributes or "id" in attributes)):
            link = Link(attributes.get("href"))
            page.links.append(link)
            self._link = link if tag == "a" else None
        elif tag == "img":
            size = (_pixels(attributes, side) for side in ("width", "height"))
            page.pictures.append(Picture(attributes.get("src", ""), attributes.get("alt"), *size))
        elif tag == "link" and "stylesheet" in attributes.get("rel", "").lower():
            page.style_sheets.append(attributes.get("href", ""))
        elif tag in _ACTIVE:
            page.active.append(f"<{tag}>")
        elif tag == "meta" and attributes.get("http-equiv", "").lower() == "refresh":
            page.active.append("<meta http-equiv=refresh>")
        page.active += [f"{name}= in <{tag}>" for name in attributes if name.lower().startswith("on")]


_STYLED: Final = {
    side: re.compile(rf"(?:^|;)\s{{0,9}}{side}\s{{0,9}}:\s{{0,9}}(\d{{1,5}})(?:\.\d{{0,9}})?px", re.IGNORECASE)
    for side in ("width", "height")
}


def _pixels(attributes: Mapping[str, str], side: str) -> int | None:
    """Return the width or height in pixels; None where it is not said, or in other units."""
    styled = _STYLED[side].search(attributes.get("style", ""))
    written = styled[1] if styled else attributes.get(side, "").strip().removesuffix("px")
    return int(written) if re.fullmatch("[0-9]{1,5}", written) else None
