"""Addresses as notices write them: with brackets, quotes, types, or nothing around them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

CJK: Final = r"\u3040-\u9fff\uac00-\ud7af"
"""Scripts without spaces: words stand right before and behind an address, so that it is of one script."""
_SIGNS: Final = r"\s<>()\[\]{},;:\"`@\u2e80-\u303f\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
_LOCAL: Final = rf"\"[^\"\n@]{{1,64}}\"|[^{_SIGNS}{CJK}'=|][^{_SIGNS}{CJK}]{{0,127}}|[{CJK}][{CJK}0-9._-]{{0,63}}"
_LETTER: Final = r"[^\W\u2e80-\uffff]"
_DOMAIN: Final = (
    rf"(?:{_LETTER}|\*)(?:(?:{_LETTER}|[*-]|\.(?!\.)){{0,251}}(?:{_LETTER}|\*))?"
    r"|[\w*](?:(?:[\w*-]|\.(?!\.)){0,251}[\w*])?"
)
ADDRESS: Final = rf"(?:{_LOCAL})@(?:\[[0-9A-Fa-f.:]{{3,45}}\]|{_DOMAIN})"
"""A pattern that has one way to go on at each character, and a bound for each part."""
_ADDRESS: Final = re.compile(ADDRESS)
_MOST: Final = 1_000


def address_in(text: str) -> str | None:
    """Return the first address in a text; None where there is none."""
    return next(addresses_in(text), None)


def addresses_in(text: str) -> Iterator[str]:
    """Yield the addresses in a text, once each."""
    seen: set[str] = set()
    for found in _ADDRESS.finditer(text):
        if found[0].lower() not in seen and len(seen) < _MOST:
            seen.add(found[0].lower())
            yield found[0]


def like(address: str, others: Iterable[str]) -> bool:
    """Return whether the address is among others, whatever the case."""
    return address.lower() in {other.lower() for other in others}
