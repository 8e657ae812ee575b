"""The text of a mail in its forms: plain, HTML, or RTF, in which Outlook packs either."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from mailevents_dagster.sources.mailbox.pst.library import PstError
from mailevents_dagster.sources.mailbox.pst.properties import TEXT, Properties, Tag
from mailevents_dagster.sources.messages.codepages import charset_of
from mailevents_dagster.sources.messages.rtf.compression import decompressed
from mailevents_dagster.sources.messages.rtf.text import NEAR, packed_in, unpacked


@dataclass(frozen=True, slots=True)
class Bodies:
    """The text of a mail. Empty is what it does not have."""

    plain: str = ""
    html: bytes = b""
    charset: str = "utf-8"
    """Of the HTML."""


def bodies_of(properties: Properties, fault: Callable[[str], object]) -> Bodies:
    """Return the texts of a mail; what of them cannot be read is told to `fault`."""
    bodies = Bodies()
    for read in (_plain, _html, _rtf):
        try:
            bodies = read(properties, bodies)
        except PstError as error:
            fault(f"its text cannot be read whole: {error}")
    return bodies


def _plain(properties: Properties, bodies: Bodies) -> Bodies:
    return replace(bodies, plain=properties.text(Tag.BODY))


def _html(properties: Properties, bodies: Bodies) -> Bodies:
    found = properties.item.value(Tag.HTML)
    if not found:
        return bodies
    if found[0] == TEXT:
        return replace(bodies, html=properties.text(Tag.HTML).encode("utf-8", "replace"))
    charset = charset_of(properties.number(Tag.INTERNET_CODEPAGE)) or charset_of(properties.codepage)
    return replace(bodies, html=found[1].rstrip(b"\0"), charset=charset or "utf-8")


def _rtf(properties: Properties, bodies: Bodies) -> Bodies:
    """Unpack RTF where there is no HTML; RTF of its own makes plain text where there is none."""
    compressed = b"" if bodies.html else properties.bytes(Tag.RTF_COMPRESSED)
    if not compressed:
        return bodies
    try:
        is_html = packed_in(decompressed(compressed, most=NEAR)) == "html"
        if bodies.plain and not is_html:
            return bodies
        text = unpacked(decompressed(compressed).rstrip(b"\0"))
    except ValueError as error:
        raise PstError(f"its RTF is damaged: {error}") from error
    return replace(bodies, html=text.encode(), charset="utf-8") if is_html else replace(bodies, plain=text)
