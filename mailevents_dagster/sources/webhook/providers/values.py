"""Values that providers write: times, reply codes, addresses. Pure; what cannot be read is None."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime
from email.utils import parseaddr
from typing import Final

_FIRST: Final = 946_684_800.0
_LAST: Final = 4_102_444_800.0
"""2000 and 2100: a number outside of them is no time of a mail."""
_CODE: Final = re.compile(r"(?:^|[^0-9.])([245][0-9]{2})(?=[ -]|$)")
_ENHANCED: Final = re.compile(r"(?:^|[^0-9.])([245]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9.])")
_LOOKED_AT: Final = 500
"""Characters of an answer in which its codes stand."""


def seconds(value: object) -> float | None:
    """Return a Unix time from a number, or from a time as ISO 8601 writes it with its zone."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        found = float(value) if isinstance(value, int | float | str) else math.nan
    except OverflowError:
        return None
    except ValueError:
        found = _iso(str(value))
    return found if _FIRST <= found < _LAST else None


def _iso(text: str) -> float:
    # Seven digits of a second, as Postmark writes them, are one more than datetime takes.
    short = re.sub(r"(\.[0-9]{6})[0-9]{1,9}", r"\1", text[:40])
    try:
        moment = datetime.fromisoformat(short)
    except ValueError:
        return math.nan
    return moment.timestamp() if moment.tzinfo else math.nan


def code_of(*texts: str | None) -> int | None:
    """Return the reply code (RFC 5321) that one of the texts names first."""
    found = (_CODE.search(text[:_LOOKED_AT]) for text in texts if text)
    return next((int(one[1]) for one in found if one), None)


def enhanced_code_of(*texts: str | None) -> str | None:
    """Return the enhanced code (RFC 3463) that one of the texts names first."""
    found = (_ENHANCED.search(text[:_LOOKED_AT]) for text in texts if text)
    return next((one[1] for one in found if one), None)


def number(value: object) -> int | None:
    """Return a whole number of up to 31 bits, also from text."""
    try:
        found = int(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else -1
    except (ValueError, OverflowError):
        return None
    return found if 0 <= found < 2**31 else None


def address(value: object) -> str | None:
    """Return the address of a header such as From."""
    return parseaddr(value)[1] or None if isinstance(value, str) else None


def tags_of(value: object) -> Sequence[str]:
    """Return tags, of which a provider writes one as text and several as a list."""
    if isinstance(value, str):
        return [value] if value else []
    return [str(one) for one in value if one is not None] if isinstance(value, list) else []
