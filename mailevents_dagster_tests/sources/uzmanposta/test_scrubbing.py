"""The key is in no text, whoever repeats it, wherever and however it is written."""

from __future__ import annotations

import html
import traceback
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote

import orjson
import pytest
from dagster_shared.error import SerializableErrorInfo
from hypothesis import given
from hypothesis import strategies as st

from mailevents_dagster.sources.uzmanposta.errors import ApiError
from mailevents_dagster.sources.uzmanposta.scrubbing import WITHHELD, scrubbed
from mailevents_dagster_tests.conftest import MakeApi
from mailevents_dagster_tests.sources.uzmanposta.answering import answer, answering
from mailevents_dagster_tests.sources.uzmanposta.calling import failure, listed

SECRET = "S3cr3t+Key/Nobody=May&See~"
WRITTEN: dict[str, Callable[[str], str]] = {
    "as it is": lambda key: key,
    "in capitals": str.upper,
    "in small letters": str.lower,
    "as a token": lambda key: f"Bearer {key}",
    "in an address": lambda key: quote(key, safe=""),
    "in an address, every letter": lambda key: "".join(f"%{ord(sign):02x}" for sign in key),
    "in an address, twice": lambda key: quote(quote(key, safe="")),
    "in a page": html.escape,
    "in a page, every letter": lambda key: "".join(f"&#{ord(sign)};" for sign in key),
    "in JSON": lambda key: "".join(f"\\u{ord(sign):04X}" for sign in key),
    "in base64": lambda key: b64encode(key.encode()).decode(),
    "in base64 with a name before it": lambda key: b64encode(b"user:" + key.encode()).decode(),
    "in base64 between others": lambda key: b64encode(b"{'k':'" + key.encode() + b"', 'x': 1}").decode(),
    "in base64 in capitals": lambda key: b64encode(b"Bearer " + key.encode()).decode().upper(),
    "in base64 of addresses": lambda key: urlsafe_b64encode(b"a" + key.encode()).decode(),
    "in hex": lambda key: key.encode().hex(),
}


def tells(text: str, key: str = SECRET) -> bool:
    """Whether more than a few letters of the key can be read off the text, in one of these ways."""
    small = text.lower()
    return any(write(key)[3:-3].lower() in small for write in WRITTEN.values())


@pytest.mark.parametrize("way", WRITTEN)
def test_the_key_is_in_no_scrubbed_text(way: str) -> None:
    text = f"the token {WRITTEN[way](SECRET)} is not known"
    shown = scrubbed(text, SECRET, 300)
    assert tells(text)
    assert not tells(shown)
    assert shown in (
        WITHHELD,
        text.replace(WRITTEN[way](SECRET), "(the key)"),
        "the token Bearer (the key) is not known",
    )


@given(st.text(max_size=80))
def test_a_text_without_the_key_is_shown(text: str) -> None:
    assert WITHHELD not in scrubbed(text, SECRET, 1000)


WHERE: dict[str, Callable[[str], bytes]] = {
    "its message": lambda key: answer(orjson.dumps({"message": f"no {key}"}), status="403 Forbidden"),
    "the message of a 500": lambda key: answer(orjson.dumps({"message": f"no {key}"}), status="500 Oops"),
    "the content type": lambda key: answer(b"<html>", f"Content-Type: text/{key}"),
    "the body": lambda key: answer(key.encode()),
    "the address it redirects to": lambda key: answer(b"", f"Location: https://x.example/{key}", status="302 Found"),
    "the reason": lambda key: answer(b"", status=f"503 {key}"),
    "the protocol": lambda key: f"{key} 200 OK\r\nConnection: close\r\n\r\n".encode(),
    "a length": lambda key: f"HTTP/1.1 200 OK\r\nContent-Length: 1, {key}\r\nConnection: close\r\n\r\n".encode(),
    "a chunk": lambda key: f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{key}\r\n".encode(),
    "a line that is no header": lambda key: f"HTTP/1.1 200 OK\r\n{key}\r\nConnection: close\r\n\r\n[".encode(),
    "the encoding": lambda key: answer(b"[", f"Content-Encoding: {key}"),
    "when to come back": lambda key: answer(b"", f"Retry-After: {key}", status="503 Busy"),
}


def everything_said(error: ApiError) -> str:
    """The error as it is printed, and as Dagster keeps it: with all that it came from."""
    trace = traceback.TracebackException.from_exception(error)
    kept = SerializableErrorInfo.from_traceback(trace)
    return f"{error} {error!r} {error.args} {vars(error)} {''.join(trace.format())} {kept}"


@pytest.mark.parametrize("way", ["as it is", "in capitals", "in an address", "in base64 with a name before it"])
@pytest.mark.parametrize("where", WHERE)
def test_an_answer_that_repeats_the_key_is_told_without_it(
    where: str, way: str, make_api: MakeApi, waits: list[float]
) -> None:
    with answering(WHERE[where](WRITTEN[way](SECRET))) as server:
        error = failure(lambda: listed(make_api(server.base_url, key=SECRET, max_attempts=2)))
    assert not tells(everything_said(error))


def test_a_proxy_that_repeats_the_key_is_told_without_it(
    make_api: MakeApi, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(f"HTTP/1.1 407 no {SECRET}\r\nContent-Length: 0\r\n\r\n".encode()) as proxy:
        monkeypatch.setenv("https_proxy", f"http://user:hidden-word@127.0.0.1:{proxy.port}")
        error = failure(lambda: listed(make_api("https://api.invalid/v2", key=SECRET, max_attempts=1)))
    assert not tells(everything_said(error))
    assert "hidden-word" not in everything_said(error)
