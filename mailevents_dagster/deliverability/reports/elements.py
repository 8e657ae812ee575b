"""Elements of an XML document, handed on as they end. Entities are refused, sizes and depth bounded."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from typing import Final
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from mailevents_dagster.deliverability.reports.values import BrokenReportError, NotAReportError

_LARGEST: Final = 2**19
"""Bytes of an element right below the root."""
_DEEPEST: Final = 32
_MOST: Final = 20_000_000
"""Elements of a document: those of a million records, which take half a minute."""


class MalformedError(BrokenReportError):
    """It is no XML from some place on."""


def read_elements(blocks: Iterable[str], root: str, take: Callable[[Element], object]) -> bytes | None:
    """Hand on each element right below the root when it has ended, its names without prefixes of namespaces.

    Return the beginning of what stands behind the root's end, or None where nothing does.
    """
    reader = _Reader(root)
    data = b""
    try:
        for block in blocks:
            data = block.encode("utf-8", "replace")
            reader.feed(data)
            reader.hand_on(take, reader.children[:-1])
        reader.parser.Parse(b"", True)  # noqa: FBT003  expat's own
    except expat.ExpatError as error:
        what = expat.ErrorString(error.code)
        if not reader.has_begun:
            raise NotAReportError(f"no DMARC report, and no XML: {what}") from error
        innermost = reader.innermost()
        reader.hand_on(take, reader.children[:-1] if innermost not in (None, reader.children) else reader.children[:])
        if innermost is not None:
            raise MalformedError(f"line {error.lineno}, column {error.offset}: {what}") from error
        return data[reader.parser.ErrorByteIndex - reader.fed :]
    reader.hand_on(take, reader.children[:])
    return None


class _Reader:
    """Has expat build the elements without a call of ours for each: that takes half of the time."""

    def __init__(self, root: str) -> None:
        self.parser = expat.ParserCreate("utf-8")
        self.children = Element(root)
        self._root = root
        self._builder = TreeBuilder()
        self._size = self._number = self.fed = 0
        self.has_begun = False
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._begin
        self.parser.EntityDeclHandler = self._refuse
        self.parser.ExternalEntityRefHandler = self._refuse
        self.parser.StartDoctypeDeclHandler = self._doctype

    def feed(self, data: bytes) -> None:
        self.parser.Parse(data, False)  # noqa: FBT003  expat's own
        self._size += len(data)
        self.fed += len(data)

    def hand_on(self, take: Callable[[Element], object], elements: list[Element]) -> None:
        """Hand on elements that have ended; refuse a document of which too much waits for its end."""
        for element in elements:
            self._number += _without_prefixes(element)
            if self._number > _MOST:
                raise BrokenReportError(f"it has more than {_MOST:,} elements")
            take(element)
        if elements:
            del self.children[: len(elements)]
            self._size = 0
        if self._size > _LARGEST:
            raise BrokenReportError(f"an element in it is longer than {_LARGEST // 2**10} kB")

    def innermost(self) -> Element | None:
        """Return the innermost element that is still open; None where the root has ended, too. Nothing may follow."""
        try:
            return self._builder.end(self._root)
        except IndexError:
            return None

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        if local != self._root:
            raise NotAReportError(f"no DMARC report: its root is <{local[:40]}> and not <{self._root}>")
        self.has_begun = True
        self.children = self._builder.start(local, attributes)
        self.parser.StartElementHandler = self._builder.start
        self.parser.EndElementHandler = self._builder.end
        self.parser.CharacterDataHandler = self._builder.data

    def _doctype(self, name: str, system_id: str | None, *_: object) -> None:
        if name.rpartition(":")[2] != self._root:
            raise NotAReportError(f"no DMARC report but <{name[:40]}>")
        if system_id:
            raise BrokenReportError("it refers to another document, which no report needs and attacks use")

    def _refuse(self, *_: object) -> int:
        raise BrokenReportError("it declares entities, which no report needs and attacks use")


def _without_prefixes(element: Element) -> int:
    """Leave the prefixes of namespaces out of all names in an element, and return how many there are."""
    number = 0
    for number, one in enumerate(element.iter(), 1):  # noqa: B007  the last one counts
        if ":" in one.tag:
            one.tag = one.tag.rpartition(":")[2]
    return number


def values_of(element: Element) -> dict[str, str]:
    """Return the texts of the elements right in it, of equal names the first; empty ones are left out."""
    values: dict[str, str] = {}
    for child in element:
        if child.text and child.tag not in values and (text := child.text.strip()):
            values[child.tag] = text
    return values


def plain(element: Element, depth: int = 1) -> object:
    """Return what stands in it, whatever it is: a text, or values by names; those of attributes begin with `@`."""
    if depth > _DEEPEST:
        raise BrokenReportError(f"its elements are nested deeper than {_DEEPEST}")
    texts = (element.text, *(child.tail for child in element))
    text = " ".join(stripped for one in texts if one and (stripped := one.strip()))
    if not len(element) and not element.attrib:
        return text
    attributes: dict[str, object] = {f"@{name}": value for name, value in element.attrib.items()}
    return attributes | others(element, (), depth) | ({"#text": text} if text else {})


def others(element: Element, known: Container[str], depth: int = 0) -> dict[str, object]:
    """Return what stands right in it beside elements that are known."""
    unknown = [child for child in element if child.tag not in known]
    if not unknown:  # as nearly always
        return {}
    values: dict[str, list[object]] = {}
    for child in unknown:
        values.setdefault(child.tag, []).append(plain(child, depth + 1))
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}
