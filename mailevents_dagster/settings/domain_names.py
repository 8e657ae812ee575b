"""Domain names as settings take them: checked, in lower case, in punycode. Pure values."""

from __future__ import annotations

import re
from typing import Final

import idna

MAX_DOMAIN: Final = 253

_LABEL: Final = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN: Final = re.compile(rf"(?:{_LABEL}\.)+(?![0-9]+$){_LABEL}")


def ascii_domain(text: str) -> str:
    """Return the domain in lower case and punycode; ValueError where it is not one."""
    domain = text.lower()
    # No longer text has a shorter punycode. The lower case of İ has a second dot, which nobody means.
    if len(text) <= MAX_DOMAIN and "İ" not in text:
        if not text.isascii() or "xn--" in domain:
            domain = _punycode(text)
        if len(domain) <= MAX_DOMAIN and _DOMAIN.fullmatch(domain):
            return domain
    raise ValueError(
        f"is not a domain; write it in lower case like example.com or bücher.example, without spaces or a dot at its "
        f"end: at most {MAX_DOMAIN} letters, digits and inner hyphens, 63 between two dots"
    )


def _punycode(text: str) -> str:
    try:
        return idna.encode(text, uts46=True, std3_rules=True).decode()
    except UnicodeError:
        return ""
