"""A message as the rules look at it: its bytes, its header, its text, its HTML, its signatures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from mailevents_dagster.deliverability.lint.bulk import bulk_sign
from mailevents_dagster.deliverability.lint.keys import AskKey
from mailevents_dagster.deliverability.lint.page import NO_PAGE, Page, read_page
from mailevents_dagster.deliverability.lint.signatures import Signature, signatures_of
from mailevents_dagster.sources.messages.faults import Faults
from mailevents_dagster.sources.messages.head import Head, read_head, skip_envelope
from mailevents_dagster.sources.messages.lines import Lines
from mailevents_dagster.sources.messages.message import Message
from mailevents_dagster.sources.messages.reading import read_message

_URL: Final = re.compile(r"https?://[^\s<>\"'\]]{1,2000}", re.IGNORECASE)
_SERVER_FIELDS: Final = ("received", "dkim-signature", "authentication-results", "return-path")
"""What mail servers add; a message without them has not been sent yet, or is the sender's own copy."""


@dataclass(frozen=True)
class Mail:
    """A message, read once for all rules."""

    raw: bytes
    head: Head
    message: Message
    page: Page
    """Its HTML; an empty page where it has none."""
    signatures: tuple[Signature, ...]
    bulk: str | None
    """By what it is known to be one of many; None where nothing says so."""
    now: float

    @property
    def text(self) -> str:
        return self.message.text or ""

    @property
    def has_html(self) -> bool:
        return self.message.html is not None

    @property
    def was_sent(self) -> bool:
        """Return whether a mail server has seen it: before, nobody has signed it."""
        return any(self.head.all(name) for name in _SERVER_FIELDS)

    @property
    def author_domain(self) -> str:
        return domain_of(self.message.from_.address if self.message.from_ else "")

    @cached_property
    def urls(self) -> tuple[str, ...]:
        """Where its links lead to, in HTML and text, each once."""
        of_page = [link.href for link in self.page.links if link.href]
        return tuple(dict.fromkeys([*of_page, *(url.rstrip(".,;:!?)") for url in _URL.findall(self.text))]))

    def lines(self) -> Iterator[bytes]:
        """Yield its lines as they travel, without their ends."""
        return (line.removesuffix(b"\r") for line in self.raw.split(b"\n"))

    def head_block(self) -> bytes:
        """Return the bytes of its header."""
        found = re.search(rb"\r?\n\r?\n", self.raw)
        return self.raw[: found.start()] if found else self.raw


def mail_of(raw: bytes, ask: AskKey, now: float, *, is_bulk: bool = False) -> Mail:
    """Return a message as the rules look at it; `ask` is asked for the keys of its signatures."""
    lines, faults = Lines([raw]), Faults()
    skip_envelope(lines, faults)
    head = read_head(lines, lambda _: False, faults)
    message = read_message([raw])
    return Mail(
        raw=raw,
        head=head,
        message=message,
        page=NO_PAGE if message.html is None else read_page(message.html),
        signatures=signatures_of(raw, head, ask),
        bulk="you say so" if is_bulk else bulk_sign(head),
        now=now,
    )


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].strip("<> .").lower() if "@" in address else ""
