"""Keys of DKIM signatures: where they are asked for, and the three answers: a key, no key, could not be asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # what names the rules need not load what asks name servers
    from mailevents_dagster.deliverability.dns import Resolver

AskKey = Callable[[str], bytes | None]
"""Returns the TXT record of a name, None where there is certainly none; UnaskedError where nobody knows."""
_LONGEST: Final = 4_096
"""Characters of a record: a key of 16,384 bits has 2,800, and larger numbers are there to keep us busy."""


class UnaskedError(Exception):
    """A name server could not be asked; the text says why."""


def ask_nobody(_: str) -> bytes | None:
    """Ask no name server."""
    raise UnaskedError("no name server is asked")


def key_asker(resolver: Resolver) -> AskKey:
    """Return what asks this resolver, each name once."""
    known: dict[str, bytes | UnaskedError | None] = {}

    def ask(name: str) -> bytes | None:
        if name not in known:
            try:
                known[name] = _record(resolver, name)
            except UnaskedError as error:
                known[name] = error
        answer = known[name]
        if isinstance(answer, UnaskedError):
            raise answer
        return answer

    return ask


def _record(resolver: Resolver, name: str) -> bytes | None:
    answer = resolver.ask(name, "TXT")
    if answer.is_unasked:
        raise UnaskedError(answer.reason)
    record = next((one for one in answer.records if "p=" in one.replace(" ", "")), None)
    if record is not None and len(record) > _LONGEST:
        raise UnaskedError(f"its record has more than {_LONGEST:,} characters")
    return None if record is None else record.encode()
