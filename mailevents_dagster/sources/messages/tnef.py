"""TNEF, which Outlook sends as `winmail.dat` ([MS-OXTNEF]): what is in it, found without reading it into memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import IO, Final

from mailevents_dagster.sources.messages.charsets import text_of
from mailevents_dagster.sources.messages.codepages import charset_of
from mailevents_dagster.sources.messages.tnef_properties import (
    INTERFACE,
    OBJECT,
    UNICODE,
    DamagedError,
    Reader,
    Steps,
    Stretch,
    properties,
)

_SIGNATURE: Final = 0x223E9F78
_PADDING: Final = b"\0\r\n"
_MOST_STEPS: Final = 100_000
_BLOCK: Final = 2**16
_LONGEST_NAME: Final = 2_000

# Attributes of a message, and of an attachment.
_MESSAGE_CLASS: Final = 0x8008
_BODY: Final = 0x800C
_CODE_PAGE: Final = 0x9007
_PROPERTIES: Final = 0x9003
_NEW_ATTACHMENT: Final = 0x9002
_TITLE: Final = 0x8010
_DATA: Final = 0x800F
_ATTACHMENT_PROPERTIES: Final = 0x9005

# Properties.
_CLASS: Final = 0x001A
_PLAIN_BODY: Final = 0x1000
_RTF_BODY: Final = 0x1009
_HTML_BODY: Final = 0x1013
_INTERNET_CODE_PAGE: Final = 0x3FDE
_DISPLAY_NAME: Final = 0x3001
_SHORT_NAME: Final = 0x3704
_LONG_NAME: Final = 0x3707
_CONTENT: Final = 0x3701
_MEDIA_TYPE: Final = 0x370E
_CONTENT_ID: Final = 0x3712

_IS_MESSAGE: Final = bytes.fromhex("0703020000000000c000000000000046")
"""What stands before a message that is attached: it is TNEF, too."""
_TEXTS: Final = (_LONG_NAME, _SHORT_NAME, _DISPLAY_NAME, _MEDIA_TYPE, _CONTENT_ID)


@dataclass(slots=True)
class TnefAttachment:
    """An attachment, and where its content lies."""

    name: str | None = None
    type: str | None = None
    content_id: str | None = None
    content: Stretch | None = None


@dataclass(slots=True)
class Tnef:
    """What is in a file."""

    message_class: str = ""
    text: tuple[Stretch, str] | None = None
    """Where it lies, and its charset."""
    html: tuple[Stretch, str] | None = None
    rtf: Stretch | None = None
    """Where compressed RTF lies."""
    attachments: list[TnefAttachment] = field(default_factory=list)


def read_tnef(file: IO[bytes], size: int) -> Tnef:
    """Return what is in a file of this size; it raises DamagedError where that is not whole TNEF."""
    reader, steps, found, charset = Reader(file, 0, size), Steps(_MOST_STEPS), Tnef(), "cp1252"
    if size < 6 or reader.number(4) != _SIGNATURE:
        raise DamagedError("it does not begin as TNEF does")
    reader.skip(2)
    while reader.at < size and not _is_padding(file, Stretch(reader.at, size - reader.at)):
        steps.take()
        level, name, value = _attribute(file, reader)
        if level == 2:
            _attachment(file, found, name, value, charset, steps)
        elif name == _CODE_PAGE:
            charset = _charset(Reader(file, value.start, value.start + value.length).number(4))
        elif name == _MESSAGE_CLASS:
            found.message_class = _string(file, value, charset)
        elif name == _BODY:
            found.text = (_without_end(file, value), charset)
        elif name == _PROPERTIES:
            _message(file, found, _properties(file, value, steps), charset)
    if any(attachment.content is None for attachment in found.attachments):
        raise DamagedError("an attachment in it has no content")
    return found


def _is_padding(file: IO[bytes], rest: Stretch) -> bool:
    """Return whether zeros and line ends alone stand there, with which no attribute begins."""
    file.seek(rest.start)
    return file.read(1) in _PADDING and all(not block.strip(_PADDING) for block in blocks(file, rest))


def _attribute(file: IO[bytes], reader: Reader) -> tuple[int, int, Stretch]:
    """Return the next attribute: 1 for the message or 2 for an attachment, its name, and where its value lies."""
    level, name = reader.number(1), reader.number(4) & 0xFFFF
    length = reader.number(4)
    value = Stretch(reader.skip(length), length)
    if sum(map(sum, blocks(file, value))) & 0xFFFF != reader.number(2):
        raise DamagedError("a checksum in it is not that of what it stands for")
    if level not in (1, 2):
        raise DamagedError("it has something that belongs to neither message nor attachment")
    return level, name, value


def blocks(file: IO[bytes], stretch: Stretch) -> Iterator[bytes]:
    """Yield the bytes of a stretch."""
    for at in range(stretch.start, stretch.start + stretch.length, _BLOCK):
        file.seek(at)
        yield file.read(min(_BLOCK, stretch.start + stretch.length - at))


def _message(file: IO[bytes], found: Tnef, values: dict[int, Stretch], charset: str) -> None:
    code_page = values.get(_INTERNET_CODE_PAGE)
    own = charset if code_page is None else _charset(int.from_bytes(b"".join(blocks(file, code_page)), "little"))
    if (html := values.get(_HTML_BODY)) is not None:
        found.html = (_without_end(file, html), "utf-16-le" if html.type == UNICODE else own)
    if (text := values.get(_PLAIN_BODY)) is not None:
        found.text = (_without_end(file, text), "utf-16-le" if text.type == UNICODE else charset)
    found.rtf = values.get(_RTF_BODY)
    if (name := values.get(_CLASS)) is not None:
        found.message_class = _string(file, name, charset)


def _attachment(file: IO[bytes], found: Tnef, name: int, value: Stretch, charset: str, steps: Steps) -> None:
    if name == _NEW_ATTACHMENT:
        found.attachments.append(TnefAttachment())
        return
    if not found.attachments:
        raise DamagedError("it has something of an attachment before the first one")
    attachment = found.attachments[-1]
    if name == _TITLE:
        attachment.name = attachment.name or _string(file, value, charset)
    elif name == _DATA:
        attachment.content = value
    elif name == _ATTACHMENT_PROPERTIES:
        values = _properties(file, value, steps)
        texts = {id_: _string(file, text, charset) for id_, text in values.items() if id_ in _TEXTS}
        attachment.name = texts.get(_LONG_NAME) or attachment.name or texts.get(_SHORT_NAME) or texts.get(_DISPLAY_NAME)
        attachment.type = texts.get(_MEDIA_TYPE)
        attachment.content_id = texts.get(_CONTENT_ID)
        if _CONTENT in values:
            _content(file, attachment, values[_CONTENT])


def _content(file: IO[bytes], attachment: TnefAttachment, value: Stretch) -> None:
    """Note where the content lies; before an object stands what it is."""
    if value.type != OBJECT:
        attachment.content = value
        return
    file.seek(value.start)
    if file.read(INTERFACE) == _IS_MESSAGE:
        attachment.name = f"{attachment.name or 'message'}.tnef"
        attachment.type = "application/ms-tnef"
    attachment.content = Stretch(value.start + min(INTERFACE, value.length), max(value.length - INTERFACE, 0))


def _properties(file: IO[bytes], value: Stretch, steps: Steps) -> dict[int, Stretch]:
    return properties(Reader(file, value.start, value.start + value.length), steps)


def _string(file: IO[bytes], value: Stretch, charset: str) -> str:
    file.seek(value.start)
    data = file.read(min(value.length, _LONGEST_NAME))
    return text_of(data, "utf-16-le" if value.type == UNICODE else charset)[0].partition("\ufffd")[0].strip()


def _without_end(file: IO[bytes], value: Stretch) -> Stretch:
    """Return a text without the NUL that ends it."""
    width = 2 if value.type == UNICODE else 1
    file.seek(value.start + max(value.length - width, 0))
    return replace(value, length=value.length - width) if file.read(width) == bytes(width) else value


def _charset(code_page: int) -> str:
    return charset_of(code_page) or f"cp{code_page}"
