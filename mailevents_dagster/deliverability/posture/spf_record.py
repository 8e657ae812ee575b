"""The grammar of an SPF record (RFC 7208): its terms, and what is wrong with them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mailevents_dagster.deliverability.quoting import quoted

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

VERSION: Final = "v=spf1"
MECHANISMS: Final = ("all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists")
OF_LOOKUPS: Final = ("include", "a", "mx", "ptr", "exists")
"""Those that cost the receiver a look-up."""

_TERM: Final = re.compile(r"([+?~-]?)([A-Za-z][A-Za-z0-9._-]{0,62})(.*)", re.DOTALL)
_OF_HOSTS: Final = re.compile(r"(?::([^/]+))?(?:/([0-9]{1,2}))?(?://([0-9]{1,3}))?")
_MACROS: Final = re.compile(r"%(?:\{[slodiphcrtv][0-9]{0,3}r?[.+,/_=-]{0,8}\}|[%_-])", re.IGNORECASE)
_VISIBLE: Final = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Term:
    """A mechanism; `target` is the name that it speaks of, if any."""

    qualifier: str
    name: str
    target: str = ""
    network: Network | None = None
    prefixes: tuple[int, int] = (32, 128)

    @property
    def has_macros(self) -> bool:
        return "%" in self.target


@dataclass(frozen=True, slots=True)
class Record:
    terms: tuple[Term, ...]
    redirect: str
    faults: tuple[str, ...]

    @property
    def default(self) -> str:
        """The qualifier of `all`; empty without one."""
        return next((term.qualifier for term in self.terms if term.name == "all"), "")


def is_spf(text: str) -> bool:
    return text.lower() == VERSION or text.lower().startswith(f"{VERSION} ")


def record_of(text: str) -> Record:
    terms: list[Term] = []
    modifiers: dict[str, str] = {}
    faults: list[str] = []
    for word in text[len(VERSION) :].split(" "):
        if not word:
            continue
        try:
            read = _read(word)
        except ValueError as error:
            faults.append(f"{quoted(word)} {error}")
            continue
        if isinstance(read, Term):
            terms.append(read)
        elif read[0] in modifiers and read[0] in ("redirect", "exp"):
            faults.append(f"`{read[0]}=` stands twice")
        else:
            modifiers[read[0]] = read[1]
    return Record(tuple(terms), modifiers.get("redirect", ""), tuple(faults))


def _read(word: str) -> Term | tuple[str, str]:
    match = _TERM.fullmatch(word)
    if match is None or not _VISIBLE.fullmatch(word):
        raise ValueError("is no term of SPF")
    qualifier, name, rest = match[1], match[2].lower(), match[3]
    if rest.startswith("=") and not qualifier:
        return _modifier(name, rest[1:])
    if name not in MECHANISMS:
        raise ValueError("is not a mechanism that SPF knows")
    return _mechanism(Term(qualifier or "+", name), rest)


def _modifier(name: str, value: str) -> tuple[str, str]:
    if name in MECHANISMS:
        raise ValueError(f"is passed over by receivers; write `{name}:`")
    if name in ("redirect", "exp"):
        value = _domain(value)
    return name, value


def _mechanism(term: Term, rest: str) -> Term:
    match term.name:
        case "all":
            if rest:
                raise ValueError("stands alone: nothing may follow `all`")
            return term
        case "ip4" | "ip6":
            return _of_network(term, rest)
        case "include" | "exists":
            if not rest.startswith(":"):
                raise ValueError(f"names no domain; write `{term.name}:` and a domain")
            return Term(term.qualifier, term.name, _domain(rest[1:]))
        case "ptr":
            return Term(term.qualifier, term.name, _domain(rest[1:]) if rest.startswith(":") else "")
        case _:
            return _of_hosts(term, rest)


def _of_hosts(term: Term, rest: str) -> Term:
    match = _OF_HOSTS.fullmatch(rest)
    if match is None:
        raise ValueError("is not written like `a:mail.example.com/24`")
    prefixes = int(match[2] or 32), int(match[3] or 128)
    if prefixes[0] > 32 or prefixes[1] > 128:
        raise ValueError("has a prefix that is longer than an address")
    return Term(term.qualifier, term.name, _domain(match[1]) if match[1] else "", prefixes=prefixes)


def _of_network(term: Term, rest: str) -> Term:
    address, slash, prefix = rest.removeprefix(":").partition("/")
    kind = ipaddress.IPv4Network if term.name == "ip4" else ipaddress.IPv6Network
    is_written = rest.startswith(":") and "%" not in address and (not slash or re.fullmatch("[0-9]{1,3}", prefix))
    try:
        return Term(term.qualifier, term.name, network=kind(rest[1:] if is_written else "", strict=False))
    except ValueError:
        raise ValueError(f"is not an {term.name.replace('ip', 'IPv')} address or network") from None


def _domain(text: str) -> str:
    """Return a domain as it stands in a term; what is not known before a mail comes stands in it as macros."""
    if "%" in _MACROS.sub("", text):
        raise ValueError("has a `%` that begins no macro")
    if not _MACROS.search(text):
        labels = text.removesuffix(".").split(".")
        if not all(0 < len(label) < 64 for label in labels) or labels[-1].isdecimal():
            raise ValueError("names no domain")
    return text.removesuffix(".")


def written(terms: str) -> Iterator[str]:
    """Yield the terms of a record as they stand in it, without its version."""
    return (word for word in terms[len(VERSION) :].split(" ") if word)
