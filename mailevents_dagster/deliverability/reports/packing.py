"""Zip, gzip and base64 undone, however often a report is packed, in bounded memory and time."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Final, cast

from mailevents_dagster.deliverability.reports.values import BrokenReportError
from mailevents_dagster.sources.messages.faults import Faults
from mailevents_dagster.sources.messages.transfer import decoder as decoder_of

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_MOST_BYTES: Final = 2**29
"""Bytes that are unpacked of a file, whatever is in it."""
_MOST_MEMBERS: Final = 1_000
_LARGEST_DIRECTORY: Final = 2**18
"""Bytes of the list of a zip file's members."""
_DEEPEST: Final = 4
_BLOCK: Final = 2**16
_IN_MEMORY: Final = 2**20
_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_END: Final = b"PK\x05\x06"
_END_SIZE: Final = 22
_LONGEST_COMMENT: Final = 2**16
_ZIP64_SIZE: Final = 20
_IS_ENCRYPTED: Final = 1
_BASE64: Final = re.compile(rb"\s*(?:H4sI|UEsD|PD94|PGZl|77u/|eyJ)[A-Za-z0-9+/]{20}")
"""How gzip, zip, XML and JSON begin in base64: some gateways leave out that this is what it is."""


@dataclass(frozen=True, slots=True)
class Content:
    """Something that was in a file, unpacked."""

    name: str
    stream: IO[bytes]
    """Can be read again after `seek(0)`."""

    def head(self, size: int = 4_096) -> bytes:
        """Return its first bytes; it stands at its beginning again."""
        self.stream.seek(0)
        head = self.stream.read(size)
        self.stream.seek(0)
        return head


class Unpacked(io.RawIOBase):
    """A stream whose bytes are counted against what may be unpacked of a file; one that breaks off says so."""

    def __init__(self, stream: gzip.GzipFile | zipfile.ZipExtFile, budget: Budget) -> None:
        self._stream = stream
        self._budget = budget
        self._is_over = False
        self.damage = ""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._is_over = False
        return self._stream.seek(offset, whence)

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        if self._is_over:
            return 0
        view = memoryview(buffer)
        try:
            data = self._stream.read1(len(view))  # `read` would lose what comes before the damage
        except (EOFError, zipfile.BadZipFile, zlib.error, gzip.BadGzipFile) as error:
            self.damage = f"its packing is damaged: {error}"
            self._is_over = True
            return 0
        self._budget.spend(len(data))
        view[: len(data)] = data
        return len(data)


class Budget:
    """How much may still be unpacked of a file."""

    def __init__(self, most: int = _MOST_BYTES) -> None:
        self._most = self._left = most

    def spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise BrokenReportError(f"it holds more than {self._most // 2**20} MB: no report is that long")


def unpacked(content: Content, budget: Budget, depth: int = 0) -> Iterator[Content]:
    """Yield what is in it, layer by layer: itself where it is not packed. Each is read before the next."""
    head = content.head()
    if head.startswith(_GZIP):
        unpack = _of_gzip
    elif head.startswith(_ZIP):
        unpack = _of_zip
    elif _BASE64.match(head):
        unpack = _of_base64
    else:
        yield content
        return
    if depth == _DEEPEST:
        raise BrokenReportError(f"it is packed more than {_DEEPEST} times")
    for one in unpack(content, budget):
        yield from unpacked(one, budget, depth + 1)


def _of_gzip(content: Content, budget: Budget) -> Iterator[Content]:
    with gzip.GzipFile(fileobj=content.stream, mode="rb") as packed:
        yield Content(content.name, _buffered(packed, budget))


def _of_base64(content: Content, budget: Budget) -> Iterator[Content]:
    decoder = decoder_of(b"base64", Faults())
    with SpooledTemporaryFile(_IN_MEMORY) as decoded:
        while block := content.stream.read(_BLOCK):
            budget.spend(len(block))
            decoded.write(decoder.decode(block))
        decoded.write(decoder.rest())
        yield Content(content.name, decoded)


def _of_zip(content: Content, budget: Budget) -> Iterator[Content]:
    _check_directory(content.stream)
    try:
        archive = zipfile.ZipFile(content.stream)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise BrokenReportError(f"it is no whole zip file: {error}") from error
    with archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if len(members) > _MOST_MEMBERS:
            raise BrokenReportError(f"it is a zip file of more than {_MOST_MEMBERS:,} files")
        if not members:
            raise BrokenReportError("it is a zip file with nothing in it")
        for member in members:
            with _opened(archive, member) as packed:
                yield Content(f"{content.name}/{member.filename}", _buffered(packed, budget))


def _opened(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> zipfile.ZipExtFile:
    if member.flag_bits & _IS_ENCRYPTED:
        raise BrokenReportError("it is a zip file that is encrypted")
    try:
        return cast("zipfile.ZipExtFile", archive.open(member))
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise BrokenReportError(f"it is a zip file that cannot be unpacked: {error}") from error


def _buffered(stream: gzip.GzipFile | zipfile.ZipExtFile, budget: Budget) -> IO[bytes]:
    return io.BufferedReader(Unpacked(stream, budget), _BLOCK)


def _check_directory(stream: IO[bytes]) -> None:
    """Refuse a zip file with a list of members that is too long to be read, before it is."""
    size = stream.seek(0, io.SEEK_END)
    stream.seek(max(0, size - _LONGEST_COMMENT - _END_SIZE - _ZIP64_SIZE))
    tail = stream.read()
    stream.seek(0)
    at = tail.rfind(_END)
    if at < 0 or at + _END_SIZE > len(tail):
        raise BrokenReportError("it is no whole zip file: its end is missing")
    is_zip64 = tail[max(0, at - _ZIP64_SIZE) : at].startswith(b"PK\x06\x07")
    if is_zip64 or int.from_bytes(tail[at + 12 : at + 16], "little") > _LARGEST_DIRECTORY:
        raise BrokenReportError(f"it is a zip file of more than {_MOST_MEMBERS:,} files")


def damage_of(stream: IO[bytes]) -> str:
    """Return what happened to a stream that was unpacked, in words; nothing where it is whole."""
    raw = stream.raw if isinstance(stream, io.BufferedReader) else None
    return raw.damage if isinstance(raw, Unpacked) else ""
