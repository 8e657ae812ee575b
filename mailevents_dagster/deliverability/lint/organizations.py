"""Organizational domains: what of a name its owner registered, by the list of public suffixes that is installed."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList


@cache
def _suffixes() -> PublicSuffixList:
    """Return the list as its package has it, which takes 0.3 s."""
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList(accept_unknown=False)


def organization_of(domain: str) -> str:
    """Return the organizational domain, such as example.co.uk of a.example.co.uk.

    Below a suffix that nobody knows it is the last two names.
    """
    name = _plain(domain)
    return _suffixes().privatesuffix(name) or ".".join(name.split(".")[-2:])


def is_host(name: str) -> bool:
    """Return whether this is a host below a suffix that is known, and not just words with a dot between them."""
    return _suffixes().privatesuffix(_plain(name)) is not None


def _plain(domain: str) -> str:
    name = domain.lower().strip(".")
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return name  # compared as it stands
