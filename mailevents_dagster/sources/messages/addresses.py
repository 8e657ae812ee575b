"""Lists of addresses as they come: with names, groups, comments, and what is against every rule. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from mailevents_dagster.sources.messages.message import Address
from mailevents_dagster.sources.messages.values import decode_words, plain_value, without_controls

_MOST: Final = 5_000
_TOKEN: Final = re.compile(
    r"""
      (?P<quoted>"(?:[^"\\]|\\.)*"?)
    | <(?P<address>[^<>]*)>?
    | (?P<end>[,;])
    | (?P<comment>\()
    | (?P<group>:)
    | =\?[^?\s]{1,80}\?[bBqQ]\?.{0,1000}?\?=
    | [^"<>,;:()=]+
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_IN_COMMENT: Final = re.compile(r"[()]|\\.", re.DOTALL)
_NAMED: Final = re.compile(r"(.*?)<([^<>\s]+@[^<>\s]+)>", re.DOTALL)
_APART: Final = re.compile(r"\s*(@)\s*|\s+(\.)\s+")
"""What the obsolete syntax of an address may have spaces around."""
_WITHIN: Final = re.compile(r"\([^()]*\)")
_ROUTE: Final = re.compile(r"^(?:@[^:]*:|mailto:)", re.IGNORECASE)
_SPACES: Final = re.compile(r"\s+")


@dataclass(slots=True)
class _Entry:
    """What stands between two commas."""

    words: list[str] = field(default_factory=list)
    comment: str = ""
    address: str | None = None
    """What stands between < and >."""
    has_at: bool = False

    @property
    def text(self) -> str:
        return "".join(self.words).strip()

    @property
    def is_half_a_name(self) -> bool:
        return self.address is None and bool(self.text) and not self.has_at


def addresses_of(values: Iterable[bytes]) -> tuple[Address, ...]:
    """Return the addresses of all fields of a name."""
    found = (address for value in values for address in _addresses(plain_value(value)))
    return tuple(islice(found, _MOST))


def _addresses(value: str) -> Iterator[Address]:
    before: _Entry | None = None
    for entry in _entries(value):
        if before is not None and entry.address is not None and entry.text:
            # Last name, first name <address>, which nobody put into quotation marks.
            entry.words = [before.text, ", ", entry.text]
            before = None
        if before is not None:
            yield from _made(before)
        before = entry if entry.is_half_a_name else None
        if before is None:
            yield from _made(entry)
    if before is not None:
        yield from _made(before)


def _entries(value: str) -> Iterator[_Entry]:
    entry, at = _Entry(), 0
    while token := _TOKEN.match(value, at):
        at = token.end()
        if token["end"]:
            yield entry
            entry = _Entry()
        elif token["group"]:
            if entry.address is None and not entry.has_at:  # what stands before it is the name of a group
                entry = _Entry()
        elif token["comment"]:
            at = _behind_comment(value, at)
            entry.comment = entry.comment or _ESCAPED.sub(r"\1", value[token.end() : at]).removesuffix(")").strip()
        elif token["address"] is not None:
            entry.address = entry.address or token["address"]
        elif token["quoted"] and value[at : at + 1] != "@":
            entry.words.append(_ESCAPED.sub(r"\1", token["quoted"][1:].removesuffix('"')))
        else:
            entry.words.append(token[0])
            entry.has_at = entry.has_at or "@" in token[0]
    yield entry


def _behind_comment(value: str, at: int) -> int:
    depth = 1
    for sign in _IN_COMMENT.finditer(value, at):
        depth += {"(": 1, ")": -1}.get(sign[0], 0)
        if not depth:
            return sign.end()
    return len(value)


def _made(entry: _Entry) -> Iterator[Address]:
    name, address = decode_words(entry.text), entry.address
    if address is not None and not address.strip() and "@" in name:
        address = None
    if address is None and len(words := name.split()) > 1 and all("@" in word.strip("@") for word in words):
        yield from (Address("", word) for word in words)  # a comma is missing
        return
    if address is None and (within := _NAMED.match(name)):
        name, address = within[1], within[2]
    elif address is None:
        name, address = _parted(name)
    elif "@" not in address and _SPACES.search(address.strip()):
        name, address = name or address, ""
    shown = _SPACES.sub(" ", without_controls(name or decode_words(entry.comment))).strip(" '\"")
    bare = _ROUTE.sub("", _bare(without_controls(address)))
    if (name or address) and (shown or bare):
        yield Address(shown, bare)


def _bare(address: str) -> str:
    """Return an address without spaces and comments, which the obsolete syntax has within."""
    return address.strip() if '"' in address else _SPACES.sub("", _WITHIN.sub("", address))


def _parted(text: str) -> tuple[str, str]:
    """Return name and address where nothing divides them; a single word is an address without a domain."""
    words = [text] if text.startswith('"') else _APART.sub(r"\1\2", text).split()
    address = next((word for word in words if "@" in word), words[0] if len(words) == 1 else "")
    return " ".join(word for word in words if word != address), address.strip("<>'")
