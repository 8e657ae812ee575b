"""Domain names as settings take them: checked, in lower case, in punycode. Pure values."""

from __future__ import annotations

import re
from typing import Final

import idna

MAX_DOMAIN: Final = 253
MAX_LABEL: Final = 63

_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_SUCH_AS: Final = "write it like example.com"
_TOO_LONG: Final = f"it may have {MAX_DOMAIN} characters, {MAX_LABEL} between two dots; shorten it"


def ascii_domain(text: str) -> str:
    """Return the domain in lower case and punycode; ValueError says why it is not one."""
    if fault := _fault_as_written(text):
        raise ValueError(f"is not a domain: {fault}")
    domain = text.lower()
    if not text.isascii() or "xn--" in domain:
        try:
            domain = idna.encode(text, uts46=True, std3_rules=True).decode()
        except UnicodeError:
            raise ValueError(f"is not a domain: punycode cannot write it; {_SUCH_AS} or bücher.example") from None
    if fault := _fault(domain):
        raise ValueError(f"is not a domain: {fault}")
    return domain


def _fault_as_written(text: str) -> str | None:
    if not text or re.search(r"\s", text):
        return f"it is empty or has a space in it; {_SUCH_AS}"
    if len(text) > MAX_DOMAIN:  # no longer text has a shorter punycode
        return _TOO_LONG
    # Its lower case is an i with a second dot, which nobody means and no registry gives out.
    return "İ has no lower case of one letter; write the domain in lower case" if "İ" in text else None


def _fault(domain: str) -> str | None:
    labels = domain.split(".")
    if domain.endswith("."):
        return "leave out the dot at its end"
    if not all(labels):
        return f"there is nothing between two dots, or before the first; {_SUCH_AS}"
    if len(labels) < 2 or labels[-1].isdigit():
        return f"it needs a dot and an ending such as .com; {_SUCH_AS}"
    if max(map(len, labels)) > MAX_LABEL or len(domain) > MAX_DOMAIN:
        return _TOO_LONG
    return None if all(map(_LABEL.fullmatch, labels)) else f"only letters, digits and inner hyphens; {_SUCH_AS}"
