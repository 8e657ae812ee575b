"""What answers of Graph hold: JSON, errors, addresses of further pages. Pure but for what is read of an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import requests

from mailevents_dagster.files.json_text import NotJsonError, parse, without_halves
from mailevents_dagster.sources.mailbox.errors import Cause, MailboxError

_LONGEST_ERROR: Final = 2**16
_ERROR: Final = re.compile(rb'\s*\{\s*"error"\s*:')
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,79}")


def where(what: str) -> str:
    return f"Graph ({what})"


def is_same_server(mine: str, other: str) -> bool:
    """Return whether a token for one address may go to the other."""
    try:
        return _server_of(mine) == _server_of(other)
    except ValueError:
        return False


def _server_of(url: str) -> tuple[str, str, str | None, int | None]:
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, parts.netloc.rpartition("@")[0], parts.hostname, port


def object_of(body: bytes, what: str) -> Mapping[str, Any]:
    """Return the JSON object of an answer; an error in it is none, whatever its status."""
    try:
        found = parse(without_halves(body))
    except (NotJsonError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise MailboxError(
            Cause.PROTOCOL, f"{where(what)} sent {len(body):,} bytes that are no JSON object.", is_passing=True
        )
    if isinstance(found.get("error"), dict):
        raise no_answer(what, _code_in(found))
    return found


def no_answer(what: str, code: str) -> MailboxError:
    said = f"{where(what)} answered 200 with an error in it{f', {code}' if code else ''}"
    return MailboxError(Cause.PROTOCOL, f"{said}. Look at gateways on the way.", is_passing=True)


def code_of(response: requests.Response) -> str:
    """Return Graph's own code of an error; its text may name people."""
    body = response.raw.read(_LONGEST_ERROR, decode_content=True)
    try:
        return _code_in(parse(body))
    except (NotJsonError, RecursionError):
        return ""


def _code_in(answer: object) -> str:
    try:
        code = answer["error"]["code"]  # type: ignore[index]
    except (LookupError, TypeError):
        return ""
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def is_error(beginning: bytes) -> bool:
    """Return whether it begins as an error of Graph does, which no mail does."""
    return _ERROR.match(beginning) is not None
