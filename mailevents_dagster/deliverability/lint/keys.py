"""Keys of DKIM signatures: where they are asked for, and the three answers: a key, no key, could not be asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import dns.resolver

AskKey = Callable[[str], bytes | None]
"""Returns the TXT record of a name, None where there is certainly none; UnaskedError where nobody knows."""
PATIENCE: Final = 5.0
_LONGEST: Final = 4_096
"""Bytes of a record: a key of 16,384 bits has 2,800, and larger numbers are there to keep us busy."""


class UnaskedError(Exception):
    """A name server could not be asked; the text says why."""


def ask_nobody(_: str) -> bytes | None:
    """Ask no name server."""
    raise UnaskedError("no name server is asked")


def key_asker(resolver: dns.resolver.Resolver, patience: float = PATIENCE) -> AskKey:
    """Return what asks this resolver, each name once."""
    known: dict[str, bytes | UnaskedError | None] = {}

    def ask(name: str) -> bytes | None:
        if name not in known:
            try:
                known[name] = _record(resolver, name, patience)
            except UnaskedError as error:
                known[name] = error
        answer = known[name]
        if isinstance(answer, UnaskedError):
            raise answer
        return answer

    return ask


def _record(resolver: dns.resolver.Resolver, name: str, patience: float) -> bytes | None:
    import dns.exception
    import dns.resolver

    try:
        answer = resolver.resolve(name, "TXT", lifetime=patience, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return None
    except dns.resolver.NoNameservers as error:
        raise UnaskedError("all name servers failed or refused to answer") from error
    except dns.exception.Timeout as error:
        raise UnaskedError("no name server answered in time") from error
    except dns.exception.DNSException as error:
        raise UnaskedError(f"it cannot be asked for ({type(error).__name__})") from error
    records = [b"".join(record.strings) for record in answer]
    record = next((one for one in records if b"p=" in one.replace(b" ", b"")), None)
    if record is not None and len(record) > _LONGEST:
        raise UnaskedError(f"its record has more than {_LONGEST:,} bytes")
    return record


def system_keys(patience: float = PATIENCE) -> AskKey:
    """Return what asks the name servers of this machine; nobody where it has none."""
    import dns.resolver

    try:
        return key_asker(dns.resolver.Resolver(), patience)
    except dns.resolver.NoResolverConfiguration:
        return ask_nobody


def keys_at(host: str, port: int) -> AskKey:
    """Return what asks one name server; ValueError where the host is no address."""
    import dns.resolver

    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = [host], port
    return key_asker(resolver)
