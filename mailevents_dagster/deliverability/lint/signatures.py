"""The DKIM signatures of a message: each is valid, invalid, or could not be checked."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mailevents_dagster.deliverability.lint.keys import AskKey, UnaskedError
from mailevents_dagster.files.printable import printable
from mailevents_dagster.sources.messages.head import Head

_MOST: Final = 3
"""Signatures that are checked; a mail has one or two."""
_LARGEST: Final = 25 * 1024**2
"""Bytes of a message whose signatures are checked."""
_LONGEST: Final = 4_096
"""Bytes of a signature's header: the library takes time that grows with its square."""
_LONGEST_BLANK: Final = 500
"""Spaces in a row, for the same reason."""
_SMALLEST_KEY: Final = 1_024
_SILENT: Final = logging.Logger("dkim", logging.CRITICAL + 1)
"""What the library logs is in what we say."""
_TAG: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]{0,20})\s*=(.*)", re.DOTALL)


class State(StrEnum):
    """What is known of a signature."""

    VALID = "valid"
    INVALID = "invalid"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature, what is known of it and why."""

    domain: str
    selector: str
    state: State
    reason: str = ""
    covers: frozenset[str] = frozenset()
    """The headers that it signs, in small letters."""
    has_length: bool = False
    """It signs a part of the body alone."""

    @property
    def may_be_valid(self) -> bool:
        return self.state is not State.INVALID

    def __str__(self) -> str:
        return printable(f"of {self.domain or '?'}, selector {self.selector or '?'}", 200)


def signatures_of(raw: bytes, head: Head, ask: AskKey) -> tuple[Signature, ...]:
    """Return the signatures of a message, the topmost first."""
    return tuple(_signatures(raw, head, ask))


def _signatures(raw: bytes, head: Head, ask: AskKey) -> Iterator[Signature]:
    signed = raw[len(raw) - len(raw.lstrip(b"\r\n")) :]
    for place, value in enumerate(head.all("dkim-signature")[:_MOST]):
        tags = _tags(value)
        state, reason = (State.UNCHECKED, why) if (why := _why_unchecked(raw, value)) else _verdict(signed, place, ask)
        yield Signature(
            domain=tags.get("d", "").lower(),
            selector=tags.get("s", ""),
            state=state,
            reason=reason,
            covers=frozenset(tags.get("h", "").lower().replace(" ", "").split(":")),
            has_length="l" in tags,
        )


def _tags(value: bytes) -> dict[str, str]:
    found = (_TAG.match(part) for part in value[:_LONGEST].decode("latin-1").split(";"))
    return {one[1].lower(): re.sub(r"\s+", " ", one[2]).strip() for one in found if one}


def _why_unchecked(raw: bytes, value: bytes) -> str:
    if len(value) > _LONGEST:
        return f"its header has more than {_LONGEST:,} bytes"
    if len(raw) > _LARGEST:
        return f"the message has more than {_LARGEST // 1024**2} MB"
    if b" " * _LONGEST_BLANK in raw.replace(b"\t", b" "):
        return f"the message has more than {_LONGEST_BLANK:,} spaces in a row"
    return ""


def _verdict(raw: bytes, place: int, ask: AskKey) -> tuple[State, str]:
    """Return what the library says, with the reason."""
    import dkim  # takes 0.2 s

    asked: list[bytes | None] = []

    def key_of(name: bytes, timeout: float = 0) -> bytes | None:  # noqa: ARG001 - the library names it
        record = ask(name.decode("ascii", "replace").rstrip("."))
        asked.append(record)
        return record

    try:
        message = dkim.DKIM(raw, logger=_SILENT, minkey=_SMALLEST_KEY)
        if message.verify(place, dnsfunc=key_of):
            return State.VALID, ""
    except UnaskedError as error:
        return State.UNCHECKED, f"its key is not known: {error}"
    except dkim.ValidationError as error:
        if "x= value is past" in str(error):
            return State.UNCHECKED, "it was valid for some time only (x=), which is over"
        return State.INVALID, _why_refused(str(error))
    except dkim.KeyFormatError:
        return State.INVALID, f"its key has fewer than {_SMALLEST_KEY:,} bits, or is none"
    except Exception as error:  # header and key are of others, and the library trusts them
        return State.INVALID, f"it or its key cannot be read ({type(error).__name__})"
    if asked == [None]:
        return State.INVALID, "there is no key at its selector"
    if asked and re.search(rb"(?:^|;)\s*p\s*=\s*(?:;|$)", asked[0] or b""):
        return State.INVALID, "its key is revoked (p= is empty)"
    return State.INVALID, "its key does not fit: the header was changed on the way, or the key is another or broken"


def _why_refused(said: str) -> str:
    if "body hash" in said:
        return "the body was changed after it was signed, or bh= is wrong"
    return printable(re.sub(r"b'([^']*)'", r"\1", said), 120)
