"""The attachments of a mail as parts of it: files, objects of OLE, and what is only referred to."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from mailevents_dagster.sources.mailbox.pst.headers import CONTROLS
from mailevents_dagster.sources.mailbox.pst.library import Item, PstError
from mailevents_dagster.sources.mailbox.pst.parts import Part, base64_lines, disposition
from mailevents_dagster.sources.mailbox.pst.properties import Properties, Tag

BY_VALUE: Final = (0, 1)
"""Methods of attachments whose data are there; 0 is that of data that no program named."""
MESSAGE: Final = 5
OLE: Final = 6
REFERENCES: Final = (2, 3, 4, 7)
SHOWN_IN_TEXT: Final = 4
_TYPE: Final = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,80}/[A-Za-z0-9!#$&^_.+-]{1,80}")


@dataclass(frozen=True, slots=True)
class Attached:
    """What is said of an attachment."""

    index: int
    method: int
    name: str
    type: str
    content_id: str
    is_inline: bool


def attached(properties: Properties, index: int) -> Attached:
    """Return what the properties of an attachment say."""
    method = properties.number(Tag.ATTACHMENT_METHOD)
    name = properties.first_text(Tag.ATTACHMENT_NAME, Tag.ATTACHMENT_NAME_8_3, Tag.DISPLAY_NAME)
    content_id = CONTROLS.sub("", properties.text(Tag.ATTACHMENT_CONTENT_ID)).strip("<> ")
    is_hidden = bool(properties.number(Tag.ATTACHMENT_HIDDEN))
    is_shown = bool(properties.number(Tag.ATTACHMENT_FLAGS) & SHOWN_IN_TEXT)
    type_ = properties.text(Tag.ATTACHMENT_TYPE).strip()
    if not _TYPE.fullmatch(type_) or type_.lower().startswith(("message/", "multipart/")):
        type_ = mimetypes.guess_type(name)[0] or ""
    if method == OLE:
        type_ = type_ or "application/x-ole-storage"
    is_inline = bool(content_id) and (is_hidden or is_shown)
    return Attached(index, method, name, type_ or "application/octet-stream", content_id, is_inline)


def file_part(message: Item, one: Attached, fault: Callable[[str], object]) -> Part:
    """Return an attachment as a part; what of it cannot be read is told to `fault`, and left out."""
    head = (
        f"Content-Type: {one.type}\r\nContent-Transfer-Encoding: base64\r\n"
        + disposition("inline" if one.is_inline else "attachment", one.name)
        + (f"Content-ID: <{one.content_id}>\r\n" if one.content_id else "")
    )
    if one.method in REFERENCES:
        head += "X-MAPI-Attachment: only a reference to a file elsewhere\r\n"
    return Part(head.encode("utf-8", "replace"), base64_lines(_data(message, one, fault)))


def _data(message: Item, one: Attached, fault: Callable[[str], object]) -> Iterator[bytes]:
    if one.method in REFERENCES:
        return
    try:
        with message.attachment(one.index) as item:
            left = item.size
            while left > 0 and (block := item.read()):
                left -= len(block)
                yield block
        if left > 0:
            fault(f"its attachment {one.index + 1} ends {left:,} bytes too early")
    except PstError as error:
        fault(f"its attachment {one.index + 1} cannot be read whole: {error}")
