"""Mail addresses: by what they are compared, and what can be told of one without asking anybody. Pure values."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import takewhile
from typing import Final

from mailevents_dagster.deliverability.address_lists import KNOWN_DOMAINS, LARGE_DOMAINS, ROLES, SLIPS
from mailevents_dagster.settings.domain_names import ascii_domain

DOMAINS_KEPT: Final = 100_000
"""How many domains are remembered with what was found of them: a list of a million addresses names fewer."""
SHORTEST_NAME: Final = 5
"""Letters of a domain's name below which one letter more or less makes another name, and no slip: aol, gmx, live."""
SPREADSHEET_SIGNS: Final = tuple("=+-@\t\r\n")
"""With these, spreadsheets take a cell for a formula."""
_ATOMS: Final = re.compile(r"[^\s\"(),:;<>@\[\\\]\x00-\x1f\x7f]+(?<!\.)")
_QUOTED: Final = re.compile(r"\\(.)", re.DOTALL)


def comparable(address: str) -> str:
    """Return what is the same for two ways to write one address.

    The domain counts without case and in punycode. So does the part before it, without case: RFC 5321 lets servers tell
    `Jo` and `jo` apart, and none that matters does. Dots and `+tags` are left, since their meaning is the server's own.
    """
    text = address.strip().removeprefix("<").removesuffix(">").strip()
    local, at, domain = text.rpartition("@")
    if not at:
        return _folded(text)
    return f"{_folded(_unquoted(local))}@{comparable_domain(domain)}"


@lru_cache(DOMAINS_KEPT)
def comparable_domain(domain: str) -> str:
    try:
        return ascii_domain(domain.strip().removesuffix("."))
    except ValueError:  # an address literal, or what no domain can be: only like writing is the same
        return _folded(domain.strip().removesuffix("."))


def _folded(text: str) -> str:
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text).lower()


def _unquoted(local: str) -> str:
    """Return `jo` for `"jo"`, which is the same; quotes that are needed stay."""
    if local.endswith('"') and len(local) > 2 and local[0] == '"':
        inside = _QUOTED.sub(r"\1", local[1:-1])
        if _ATOMS.fullmatch(inside) and not inside.startswith(".") and ".." not in inside:
            return inside
    return local


def safe_cell(text: str) -> str:
    """Return text for a cell of a CSV file that a spreadsheet will not run."""
    return f"'{text}" if text.startswith(SPREADSHEET_SIGNS) else text


def safe_address(address: str) -> str:
    """Return an address that a spreadsheet will not run: in quotes it is the same address."""
    local, at, domain = address.rpartition("@")
    if not address.startswith(SPREADSHEET_SIGNS):
        return address
    return f'"{local}"@{domain}' if at and _ATOMS.fullmatch(local) else f"'{address}"


def role_of(key: str) -> str | None:
    """Return the role that an address (as it is compared) is of, such as `info`, which several people read or none."""
    name = key.partition("@")[0].partition("+")[0]
    return name if name in ROLES else None


@lru_cache(DOMAINS_KEPT)
def meant_domain(domain: str) -> str | None:
    """Return the large domain that this one was probably meant to be; None where it may well be itself.

    One letter wrong, missing, too many or swapped with its neighbour, as people type, and not the name of another
    domain that has mail.
    """
    if domain in KNOWN_DOMAINS or domain in LARGE_DOMAINS:
        return None
    name, _, end = domain.rpartition(".")
    if end in SLIPS and f"{name}.{SLIPS[end]}" in LARGE_DOMAINS:
        return f"{name}.{SLIPS[end]}"
    near = (
        large
        for large in LARGE_DOMAINS
        if len(large.partition(".")[0]) >= SHORTEST_NAME and _is_one_slip_apart(domain, large)
    )
    return next(near, None)


def _is_one_slip_apart(one: str, other: str) -> bool:
    if abs(len(one) - len(other)) > 1:
        return False
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    left, right = one[same:], other[same:]
    is_swapped = left[:2] == right[:2][::-1] and left[2:] == right[2:]
    return left[1:] == right[1:] or left[1:] == right or left == right[1:] or is_swapped


def flags_of(key: str) -> tuple[str, ...]:
    """Return what to look at before mailing an address (as it is compared): `role`, `typo of gmail.com`."""
    meant = meant_domain(key.rpartition("@")[2])
    return (*(("role",) if role_of(key) else ()), *((f"typo of {meant}",) if meant else ()))
