"""Domain names as settings take them: checked, in small letters, in punycode. Pure values."""

from __future__ import annotations

import re
from typing import Final

import idna

MAX_DOMAIN: Final = 253
MAX_LABEL: Final = 63

_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_SUCH_AS: Final = "write it like example.com"


def ascii_domain(text: str) -> str:
    """The domain in small letters and punycode; ValueError says why it is none."""
    if not text or re.search(r"\s", text):
        raise ValueError(f"is no domain: it is empty or has a space in it; {_SUCH_AS}")
    # Its small letter is an i with a second dot, which nobody means and no registry gives out.
    if "İ" in text:
        raise ValueError("is no domain: İ has no one small letter; write the domain in small letters")
    domain = text.lower() if text.isascii() and "xn--" not in text.lower() else _punycode(text)
    if domain.endswith("."):
        raise ValueError("is no domain as it is used here: leave out the dot at its end")
    labels = domain.split(".")
    if not all(labels):
        raise ValueError(f"is no domain: there is nothing between two dots, or before the first; {_SUCH_AS}")
    if len(labels) < 2 or labels[-1].isdigit():
        raise ValueError(f"is no domain: it needs a dot and an ending such as .com; {_SUCH_AS}")
    if max(map(len, labels)) > MAX_LABEL or len(domain) > MAX_DOMAIN:
        raise ValueError(f"is no domain: it may have {MAX_DOMAIN} characters, {MAX_LABEL} between two dots; shorten it")
    if not all(map(_LABEL.fullmatch, labels)):
        raise ValueError(f"is no domain: only letters, digits, and hyphens between them are allowed; {_SUCH_AS}")
    return domain


def _punycode(text: str) -> str:
    # The longest domain is 253 characters of punycode, so no longer text can become one.
    if len(text) > MAX_DOMAIN:
        raise ValueError(f"is no domain: it may have {MAX_DOMAIN} characters, {MAX_LABEL} between two dots; shorten it")
    try:
        return idna.encode(text, uts46=True, std3_rules=True).decode()
    except UnicodeError:
        raise ValueError(f"is no domain that can be written in punycode; {_SUCH_AS} or bücher.example") from None
