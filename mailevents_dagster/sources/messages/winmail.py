"""Outlook's `winmail.dat`: what is in it becomes part of the message; a damaged one stays an attachment."""

from __future__ import annotations

from dataclasses import replace
from tempfile import SpooledTemporaryFile
from typing import Final

from mailevents_dagster.sources.messages.attachments import Attaching
from mailevents_dagster.sources.messages.bodies import MOST, Text
from mailevents_dagster.sources.messages.content_type import media_type
from mailevents_dagster.sources.messages.gathered import Gathered
from mailevents_dagster.sources.messages.names import type_of
from mailevents_dagster.sources.messages.part import Part
from mailevents_dagster.sources.messages.rtf.compression import decompressed
from mailevents_dagster.sources.messages.rtf.text import packed_in, unpacked
from mailevents_dagster.sources.messages.tnef import Tnef, TnefAttachment, blocks, read_tnef
from mailevents_dagster.sources.messages.tnef_properties import DamagedError, Stretch

TNEF_TYPES: Final = ("application/ms-tnef", "application/vnd.ms-tnef")
_MOST: Final = 2**28
"""Bytes of a file that are looked into: more than any server of mail takes."""
_IN_MEMORY: Final = 2**20
_MOST_RTF: Final = 4 * MOST
"""Bytes of RTF that are looked into, packed or not: much of it is there for readers of RTF alone."""


class Winmail:
    """Takes the file, and reads it when it is whole."""

    def __init__(self, gathered: Gathered, part: Part) -> None:
        self._gathered = gathered
        self._part = part
        self._file = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  it is closed with the content
        self._size = 0
        self._attaching: Attaching | None = None

    def write(self, data: bytes, /) -> None:
        if self._attaching is not None:
            self._attaching.write(data)
            return
        self._file.write(data)
        self._size += len(data)
        if self._size > _MOST:
            self._stay("a winmail.dat is too large to be looked into")

    def close(self) -> None:
        with self._file:
            try:
                if self._attaching is None:
                    self._read(read_tnef(self._file, self._size))
            except DamagedError:
                self._stay("a winmail.dat is damaged")
            if self._attaching is not None:
                self._attaching.close()

    def _stay(self, why: str) -> None:
        self._gathered.faults.add(why)
        self._attaching = self._gathered.attachments.begin(self._part)
        self._copy(Stretch(0, self._size), self._attaching)

    def _copy(self, stretch: Stretch, attaching: Attaching) -> None:
        for block in blocks(self._file, stretch):
            attaching.write(block)

    def _read(self, tnef: Tnef) -> None:
        self._gathered.seen.message_class = tnef.message_class
        self._body(self._gathered.text, tnef.text)
        self._body(self._gathered.html, tnef.html)
        if tnef.rtf is not None and self._gathered.html.value is None:
            self._rtf(tnef.rtf)
        for attachment in tnef.attachments:
            attaching = self._gathered.attachments.begin(_part_of(attachment))
            if attachment.content is not None:
                self._copy(attachment.content, attaching)
            attaching.close()

    def _rtf(self, stretch: Stretch) -> None:
        """Take the HTML that RTF holds; its text only where there is no other."""
        compressed = b"".join(blocks(self._file, replace(stretch, length=min(stretch.length, _MOST_RTF))))
        try:
            rtf = decompressed(compressed, _MOST_RTF).rstrip(b"\0")
        except ValueError:
            self._gathered.faults.add("the RTF of a winmail.dat is damaged: it is not read")
            return
        is_cut = stretch.length > _MOST_RTF or len(rtf) >= _MOST_RTF
        if packed_in(rtf) == "html":
            self._gathered.html.add_text(unpacked(rtf), is_cut=is_cut)
        elif self._gathered.text.value is None:
            self._gathered.text.add_text(unpacked(rtf), is_cut=is_cut)

    def _body(self, text: Text, found: tuple[Stretch, str] | None) -> None:
        if found is None or text.value is not None:
            return
        stretch, charset = found
        part = text.part(charset)
        for block in blocks(self._file, Stretch(stretch.start, min(stretch.length, MOST + 1))):
            part.write(block)
        part.close()


def _part_of(attachment: TnefAttachment) -> Part:
    guessed = type_of(attachment.name or "")
    return Part(
        type=media_type((attachment.type or "").lower(), guessed)[0],
        charset=None,
        boundary=None,
        is_attached=True,
        is_inline=attachment.content_id is not None,
        name=attachment.name,
        content_id=attachment.content_id,
        encoding=None,
        method=None,
        report_type=None,
    )
