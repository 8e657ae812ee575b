"""Whether an address is one: RFC 5321 and 6531 as mail servers use them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from email_validator import EmailNotValidError, validate_email

from mailevents_dagster.deliverability.addresses import DOMAINS_KEPT

LONGEST: Final = 254
"""Characters of an address: 256 of a path in RFC 5321, less its brackets."""
LONGEST_LOCAL: Final = 64
_PLAIN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
"""What stands before the sign in nearly every address. The library judges the others; it is 100 times as slow."""


def fault_of(address: str) -> str | None:
    """Return what is wrong with an address that cannot be a mailbox of the internet; None where nothing is."""
    if len(address) > LONGEST:
        return f"The address is longer than {LONGEST} characters."
    local, at, domain = address.rpartition("@")
    if at and len(local) <= LONGEST_LOCAL and _PLAIN.fullmatch(local):
        return _fault_of_domain(domain)
    return _told(address)


@lru_cache(DOMAINS_KEPT)
def _fault_of_domain(domain: str) -> str | None:
    return _told(f"a@{domain}")


def _told(address: str) -> str | None:
    try:
        validate_email(address, check_deliverability=False, allow_quoted_local=True, strict=True)
    except EmailNotValidError as error:
        return str(error)
    return None
