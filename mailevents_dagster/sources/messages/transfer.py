"""Content-Transfer-Encoding undone, block by block. What cannot be decoded is left out or kept as it is."""

from __future__ import annotations

import binascii
import re
from typing import Final, Protocol

from mailevents_dagster.sources.messages.faults import Faults

_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NO_BASE64: Final = bytes(set(range(256)) - set(_ALPHABET))
_PADDING: Final = re.compile(rb"=(?:\s*=)+")
_CLEAN: Final = _ALPHABET + b" \t\r\n"
_MOST_PIECES: Final = 1_000
_TOKEN: Final = re.compile(rb"[\w-]+")
_SOFT_BREAK: Final = re.compile(rb"=[ \t]*(?:\r\n|\n|\r)")
_SPACES_AT_END: Final = re.compile(rb"(?<![ \t])[ \t]+(?=\r?\n)")
_UNDECIDED: Final = re.compile(rb"(?:=[0-9A-Fa-f]?|=[ \t]{0,1000}\r?|(?<![ \t])[ \t]+\r?)\Z")
_UU_BEGIN: Final = re.compile(rb"begin[ -][^\r\n]*")
_AS_IT_IS: Final = {b"", b"7bit", b"8bit", b"binary"}


class Decoder(Protocol):
    """Decodes content that comes in blocks."""

    def decode(self, data: bytes) -> bytes: ...

    def rest(self) -> bytes:
        """Return what the end of the content decides."""


def decoder(raw: bytes | None, faults: Faults) -> Decoder:
    """Return the decoder for the value of a Content-Transfer-Encoding."""
    token = _TOKEN.search((raw or b"").lower())
    name = token[0] if token else b""
    match name:
        case b"base64":
            return _Base64(faults)
        case b"quoted-printable":
            return _QuotedPrintable()
        case b"x-uuencode" | b"uuencode" | b"x-uue" | b"uue":
            return _Uuencode(faults)
    if name not in _AS_IT_IS:
        faults.add("a Content-Transfer-Encoding is not known")
    return _Identity()


class _Identity:
    def decode(self, data: bytes) -> bytes:
        return data

    def rest(self) -> bytes:
        return b""


class _Base64:
    """Base64 with anything between its characters, and in several pieces that each have their padding."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._held = b""
        self._is_padded = self._has_ended = False
        self._is_none: bool | None = None
        self._pieces = 0

    def decode(self, data: bytes) -> bytes:
        if self._is_none is None and (begun := data.lstrip()):
            self._is_none = begun.startswith(b"<")
            if self._is_none:
                self._faults.add("what is called base64 is markup: it is kept as it is")
        if self._is_none:
            return data
        if self._has_ended or b"=" not in data:
            return self._digits(data)
        first, *others = _PADDING.sub(b"=", data).split(b"=")
        decoded = [self._digits(first)]
        for piece in others:
            decoded.append(self._end())
            self._is_padded = True
            decoded.append(self._digits(piece))
        return b"".join(decoded)

    def rest(self) -> bytes:
        if self._held:
            self._faults.add("base64 ends too early")
        return self._end()

    def _digits(self, data: bytes) -> bytes:
        if self._has_ended:
            return b""
        content = data.translate(None, _NO_BASE64)
        is_clean = not data.translate(None, _CLEAN)
        if not is_clean:
            self._faults.add("something in base64 is not")
        if self._is_padded and content:
            # More of it, or what a mailing list added.
            self._faults.add("base64 goes on behind its end")
            self._pieces += 1
            if not is_clean or b" " in data.strip() or self._pieces == _MOST_PIECES:
                self._has_ended = True
                return b""
        self._is_padded = self._is_padded and not content
        content = self._held + content
        whole = len(content) & ~3
        self._held = content[whole:]
        return binascii.a2b_base64(content[:whole])

    def _end(self) -> bytes:
        held, self._held = self._held, b""
        return binascii.a2b_base64(held + b"=" * (4 - len(held))) if len(held) > 1 else b""


class _QuotedPrintable:
    def __init__(self) -> None:
        self._held = b""

    def decode(self, data: bytes) -> bytes:
        data = self._held + data
        undecided = _UNDECIDED.search(data, max(0, len(data) - 1_002))
        end = undecided.start() if undecided else len(data)
        self._held = data[end:]
        return _unquoted(data[:end])

    def rest(self) -> bytes:
        held, self._held = self._held, b""
        return b"" if held[:1] in b"= \t" and not held[1:].strip() else held


def _unquoted(data: bytes) -> bytes:
    return binascii.a2b_qp(_SOFT_BREAK.sub(b"", _SPACES_AT_END.sub(b"", data)))


class _Uuencode:
    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._held = b""
        self._has_begun = self._has_ended = False

    def decode(self, data: bytes) -> bytes:
        *lines, self._held = (self._held + data).replace(b"\r", b"\n").split(b"\n")
        if len(self._held) > 1_000:
            self._held = b""
        return b"".join(map(self._line, lines))

    def rest(self) -> bytes:
        if not self._has_begun:
            self._faults.add("uuencoded content has no beginning")
        return self._line(self._held)

    def _line(self, line: bytes) -> bytes:
        if not self._has_begun:
            self._has_begun = bool(_UU_BEGIN.match(line))
            return b""
        self._has_ended = self._has_ended or line.strip() == b"end"
        if self._has_ended or not line.strip():
            return b""
        try:
            return binascii.a2b_uu(line)
        except binascii.Error:
            # Some programs write more than they say, and some leave out spaces at the end.
            self._faults.add("a uuencoded line is not as long as it says")
            wanted = 1 + (((line[0] - 32) & 63) + 2) // 3 * 4
            try:
                return binascii.a2b_uu(line[:wanted].ljust(wanted))
            except binascii.Error:
                return b""
