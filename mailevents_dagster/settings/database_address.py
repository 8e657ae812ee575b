"""The address of a PostgreSQL database. What its password makes unreadable is told without a part of it."""

from __future__ import annotations

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, ValidationInfo

from mailevents_dagster.settings.fields import Context, FaultError, SecretVariable
from mailevents_dagster.settings.mails import secret_of

_LIKE: Final = (
    "write it like postgresql://user:password@host:5432/database, each character of user and password that is neither "
    "a letter nor a digit as % and its code, such as %40 for @"
)
_ESCAPED: Final = re.compile(r"(?:[^@/%]|%[0-9A-Fa-f]{2})*")


def check_database_address(text: str) -> None:
    """Raise a ValueError that says what is wrong, and nothing of the address."""
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:
        raise ValueError(f"cannot be read; {_LIKE}") from None
    if url.scheme.partition("+")[0] not in ("postgresql", "postgres"):
        raise ValueError(f"is not that of a PostgreSQL database; {_LIKE}")
    user, _, host = url.netloc.rpartition("@")
    parts = (user, host, url.path.removeprefix("/"))
    if url.fragment or not re.fullmatch("[!-~]+", text) or not all(map(_ESCAPED.fullmatch, parts)):
        raise ValueError(f"cannot be read; {_LIKE}")
    if not all((host or "host=" in url.query, parts[2])):
        raise ValueError(f"names no host or no database; {_LIKE}")


def _holds_an_address(variable: str, info: ValidationInfo[Context | None]) -> str:
    if address := secret_of(variable, info):
        try:
            check_database_address(address)
        except ValueError as error:
            raise FaultError(f"the address in the variable {error}") from None
    return variable


DatabaseVariable = Annotated[SecretVariable, AfterValidator(_holds_an_address)]
"""The name of an environment variable that holds the address of a database, with a password in it."""
