"""The content of a log file by places, whether it is packed or not."""

from __future__ import annotations

import bz2
import errno
import lzma
import os
import zlib
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import IO, Final, Protocol

import pyarrow as pa

RAW: Final = 2**14
FIRST_RAW: Final = 2**10
"""Bytes of a packed file read at once; at first just its first line is wanted."""
UNPACKED: Final = 2**20
"""Bytes unpacked at once, however well they were packed."""
Pieces = Generator[bytes, None, None]
_ZSTD: Final = b"\x28\xb5\x2f\xfd"


@dataclass(slots=True)
class Measures:
    """How much reading was done."""

    files_opened: int = 0
    bytes_read: int = 0
    """As they lie on the disk, packed or not, with what was read to know files again."""


class Content(Protocol):
    """The content of an open file."""

    is_packed: bool
    node: tuple[int, int]
    """Its device and inode."""
    cut: str
    """Why it ends too early, once that was found; else nothing."""

    def read(self, at: int, size: int) -> bytes:
        """Return so many bytes from this place on, or fewer where the content ends."""

    def text_at(self, at: int) -> int:
        """Return this place, or the one behind a hole: zeros that a file system holds no bytes for."""

    def close(self) -> None: ...


def open_content(path: str, measures: Measures) -> Content:
    """Open a file, packed if it begins as packed files do, whatever its name is."""
    file = open(path, "rb", buffering=0)  # noqa: SIM115 - it stays open
    measures.files_opened += 1
    try:
        head = os.pread(file.fileno(), 6, 0)
    except BaseException:
        file.close()
        raise
    measures.bytes_read += len(head)
    if head.startswith(_ZSTD):
        return PackedContent(file, partial(_unpack_zstd, file, measures))
    for magic, unpacker in _UNPACKERS:
        if head.startswith(magic):
            return PackedContent(file, partial(_unpack, file, magic, unpacker, measures))
    return PlainContent(file, measures)


class PlainContent:
    """A file as it is."""

    is_packed = False
    cut = ""

    def __init__(self, file: IO[bytes], measures: Measures) -> None:
        self._file = file
        self._measures = measures
        self.node = _node(file)

    def read(self, at: int, size: int) -> bytes:
        parts = []
        while size > 0 and (part := os.pread(self._file.fileno(), size, at)):
            parts.append(part)
            at, size = at + len(part), size - len(part)
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        self._measures.bytes_read += len(data)
        return data

    def text_at(self, at: int) -> int:
        handle = self._file.fileno()
        try:
            return os.lseek(handle, at, os.SEEK_DATA)
        except AttributeError:  # a system that tells no holes
            return at
        except OSError as error:  # nothing but a hole is left
            return os.fstat(handle).st_size if error.errno == errno.ENXIO else at

    def close(self) -> None:
        self._file.close()


class PackedContent:
    """A packed file: read forward, and from its beginning again where that is wanted."""

    is_packed = True

    def __init__(self, file: IO[bytes], unpack: Callable[[], Pieces]) -> None:
        self._file = file
        self.node = _node(file)
        self._unpack = unpack
        self._pieces = unpack()
        self._at = 0
        """Where what is unpacked and not handed out yet begins."""
        self._rest = bytearray()
        self.cut = ""

    def read(self, at: int, size: int) -> bytes:
        if at < self._at:
            self._pieces.close()
            self._pieces, self._at = self._unpack(), 0
            self._rest.clear()
        self._drop(at)
        while self._at + len(self._rest) < at + size and (piece := self._next()):
            self._rest += piece
            self._drop(at)
        data = bytes(self._rest[:size]) if self._at == at else b""
        self._drop(at + len(data))
        return data

    def text_at(self, at: int) -> int:
        return at

    def _drop(self, until: int) -> None:
        dropped = min(len(self._rest), until - self._at)
        del self._rest[:dropped]
        self._at += dropped

    def _next(self) -> bytes:
        try:
            return next(self._pieces, b"")
        except (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError) as error:
            self.cut = str(error) or type(error).__name__
            return b""

    def close(self) -> None:
        self._pieces.close()
        self._file.close()


def _node(file: IO[bytes]) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_dev, status.st_ino


class _Unpacker(Protocol):
    """What the decompressors of bz2 and lzma have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Gzip:
    """zlib's decompressor with the interface of the others."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)


_UNPACKERS: Final[tuple[tuple[bytes, Callable[[], _Unpacker]], ...]] = (
    (b"\x1f\x8b", _Gzip),
    (b"BZh", bz2.BZ2Decompressor),
    (b"\xfd7zXZ\x00", lzma.LZMADecompressor),
)


def _unpack(file: IO[bytes], magic: bytes, make: Callable[[], _Unpacker], measures: Measures) -> Pieces:
    """Yield the content piece by piece; EOFError where the file ends before it does.

    A packed file may consist of several; zeros behind the last one are padding.
    """
    at = 0

    def raw() -> bytes:
        nonlocal at
        data = os.pread(file.fileno(), RAW if at else FIRST_RAW, at)
        at += len(data)
        measures.bytes_read += len(data)
        return data

    unpacker, data = make(), raw()
    while True:
        if piece := unpacker.decompress(data, UNPACKED):
            yield piece
        data = b""
        if unpacker.eof:
            data = unpacker.unused_data.lstrip(b"\0") or raw().lstrip(b"\0")
            while len(data) < len(magic) and (more := raw()):
                data += more
            if not data.startswith(magic):
                return
            unpacker = make()
        elif unpacker.needs_input and not (data := raw()):
            raise EOFError("it ends in the middle")


def _unpack_zstd(file: IO[bytes], measures: Measures) -> Pieces:
    read = file.seek(0)
    # The stream closes what it reads from.
    with os.fdopen(os.dup(file.fileno()), "rb") as own, pa.CompressedInputStream(pa.PythonFile(own), "zstd") as stream:
        try:
            while piece := stream.read(RAW):
                measures.bytes_read += file.tell() - read
                read = file.tell()
                yield piece
        except OSError as error:
            raise EOFError("it ends in the middle, or is damaged") from error
