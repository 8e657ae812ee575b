"""The parts of a message, found as its lines come: their headers, and where each of their contents goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from mailevents_dagster.sources.messages.faults import Faults
from mailevents_dagster.sources.messages.head import Head, read_head, skip_envelope
from mailevents_dagster.sources.messages.lines import LONGEST_MARK, Lines
from mailevents_dagster.sources.messages.part import Part, part_of
from mailevents_dagster.sources.messages.transfer import Decoder, decoder

_MOST_LEVELS: Final = 100
_MOST_PARTS: Final = 10_000
_MOST_GUESSES: Final = 1_000
"""Lines that are looked at, whether they are a boundary that is not declared."""
_LONGEST_BOUNDARY: Final = LONGEST_MARK - 4
"""Behind the dashes; two more may follow."""


class Content(Protocol):
    """Takes what stands in a part, decoded."""

    def write(self, data: bytes, /) -> object: ...

    def close(self) -> object: ...


class Contents(Protocol):
    """Says where contents go."""

    def content_of(self, part: Part, within: str | None) -> Content:
        """Return what takes the content of a part in a multipart of this type, or in none."""

    def between_parts(self) -> Content:
        """Return what takes the text before the first part of a multipart."""


@dataclass(slots=True)
class _Multipart:
    type: str
    boundary: bytes | None
    parts: int = 0
    has_ended: bool = False


class _Nothing:
    """Takes what nobody reads."""

    def write(self, data: bytes, /) -> None:
        pass

    def close(self) -> None:
        pass


class _Open:
    """The content that is read at the moment: decoded, without the end of line that belongs to the boundary."""

    def __init__(self, content: Content, decode: Decoder) -> None:
        self._content = content
        self._decoder = decode
        self._held = b""

    def write(self, data: bytes) -> None:
        data = self._held + data
        end = len(data)
        if data.endswith(b"\n"):
            end -= 2 if data.endswith(b"\r\n") else 1
        elif data.endswith(b"\r"):
            end -= 1
        self._held = data[end:]
        if end:
            self._content.write(self._decoder.decode(data[:end]))

    def close(self, *, at_boundary: bool) -> None:
        if self._held and not at_boundary:
            self._content.write(self._decoder.decode(self._held))
        self._content.write(self._decoder.rest())
        self._content.close()


class Tree:
    """A message while its parts are found."""

    def __init__(self, lines: Lines, contents: Contents, faults: Faults) -> None:
        self._lines = lines
        self._contents = contents
        self._faults = faults
        self._levels: list[_Multipart] = []
        self._marks: tuple[bytes, ...] = ()
        """What lines begin with that may be boundaries."""
        self._parts = self._guesses = 0
        self._open = self._opened(_Nothing())

    def read(self) -> tuple[Head, Part]:
        """Read the message to its end and return its header, and what that says of its content."""
        skip_envelope(self._lines, self._faults)
        head = read_head(self._lines, lambda _: False, self._faults)
        root = self._begin(head)
        while True:
            block = self._lines.block(self._marks)
            if block:
                self._open.write(block)
                continue
            line = self._lines.peek()
            if not line:
                break
            self._take(line)
        self._open.close(at_boundary=False)
        self._leave(0)
        return head, root

    def _take(self, line: bytes) -> None:
        """Take a line that begins with two dashes."""
        found = self._boundary(line) or self._other_boundary(line)
        self._lines.line()
        if found is None:
            self._guesses += 1
            self._marks = self._marked()
            self._open.write(line)
            return
        depth, is_end = found
        self._open.close(at_boundary=True)
        self._leave(depth + 1)
        level = self._levels[depth]
        if is_end:
            level.has_ended = True
            self._open = self._opened(_Nothing())
            self._marks = self._marked()
            return
        if level.has_ended:
            self._faults.add("a multipart goes on behind its end")
        level.parts += 1
        self._begin(read_head(self._lines, lambda line: self._boundary(line) is not None, self._faults))

    def _begin(self, head: Head) -> Part:
        within = self._levels[-1].type if self._levels else None
        part = part_of(head, within, self._faults)
        self._parts += 1
        if self._parts > _MOST_PARTS:
            self._faults.add(f"it has more than {_MOST_PARTS:,} parts: the rest is not read")
            self._lines.drain()
            self._open = self._opened(_Nothing())
        elif part.is_multipart and len(self._levels) < _MOST_LEVELS:
            if part.boundary is None:
                self._faults.add("a multipart declares no boundary")
            self._levels.append(_Multipart(part.type, part.boundary))
            self._open = self._opened(self._contents.between_parts())
        else:
            if part.is_multipart:
                self._faults.add(f"multiparts are nested deeper than {_MOST_LEVELS}: the rest is one attachment")
            content = self._contents.content_of(part, within)
            self._open = _Open(content, decoder(part.encoding, self._faults))
        self._marks = self._marked()
        return part

    def _marked(self) -> tuple[bytes, ...]:
        if self._levels and not self._levels[-1].parts and self._guesses < _MOST_GUESSES:
            return (b"--",)
        return tuple(b"--" + level.boundary for level in self._levels if level.boundary is not None)

    def _opened(self, content: Content) -> _Open:
        return _Open(content, decoder(None, self._faults))

    def _leave(self, depth: int) -> None:
        """Leave all multiparts but the first so many."""
        for level in self._levels[depth:]:
            if not level.parts:
                self._faults.add("a multipart has no parts")
            if not level.has_ended:
                self._faults.add("a multipart has no end")
        del self._levels[depth:]

    def _boundary(self, line: bytes) -> tuple[int, bool] | None:
        """Return the level of the multipart whose boundary this is, and whether it ends it."""
        if not line.startswith(b"--") or len(line) > _LONGEST_BOUNDARY:
            return None
        boundary = line[2:].rstrip()
        for depth in reversed(range(len(self._levels))):
            own = self._levels[depth].boundary
            if own is not None and boundary.startswith(own) and boundary[len(own) :] in (b"", b"--"):
                return depth, boundary != own
        return None

    def _other_boundary(self, line: bytes) -> tuple[int, bool] | None:
        """Return the level of a multipart that has no part yet where this seems to be its boundary, not the declared.

        It is followed by a field of the header of a part.
        """
        level = self._levels[-1] if self._levels else None
        boundary = line[2:].rstrip()
        if level is None or level.parts or not 0 < len(boundary) < _LONGEST_BOUNDARY:
            return None
        following = self._lines.peek_next()
        if following.lower().startswith(b"content-") or (level.boundary is None and not following.strip()):
            self._faults.add("a multipart has another boundary than it declares")
            level.boundary = boundary
            return len(self._levels) - 1, False
        return None
