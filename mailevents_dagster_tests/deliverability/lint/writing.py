"""Messages for the rules: one that passes all of them, and changes to it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import cache

import dkim
from nacl.signing import SigningKey

from mailevents_dagster.deliverability.lint.keys import AskKey
from mailevents_dagster.deliverability.lint.linting import findings_of
from mailevents_dagster.deliverability.lint.mail import Mail, mail_of
from mailevents_dagster.sources.messages.values import seconds_of

DATE = "Fri, 20 Nov 2026 14:00:00 +0300"
NOW = float(seconds_of(DATE.encode()) or 0) + 60
PRIVATE = SigningKey(b"a seed of exactly thirty-two by.")
RECORD = b"v=DKIM1; k=ed25519; p=" + base64.b64encode(bytes(PRIVATE.verify_key))
HEAD: Mapping[str, str] = {
    "Return-Path": "<bounces@mail.example.com>",
    "Received": "from app by mail.example.com; Fri, 20 Nov 2026 14:00:01 +0300",
    "From": "The Shop <news@example.com>",
    "To": "reader@example.net",
    "Subject": "New in November",
    "Date": DATE,
    "Message-ID": "<2026-11-20.1@example.com>",
    "MIME-Version": "1.0",
}
OF_LISTS: Mapping[str, str] = {
    "List-Unsubscribe": "<https://example.com/leave?of=1>, <mailto:leave@example.com>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
}
TEXT = (
    "We have new apples, pears and quinces in our shop. Come before Friday and take what you like.\r\n"
    "https://example.com/apples shows them. To unsubscribe: https://example.com/leave?of=1\r\n"
)
HTML = (
    '<html><body><p>We have new <a href="https://example.com/apples">apples</a>, pears and quinces in our shop.\r\n'
    'Come before Friday and take what you like.</p><img src="https://example.com/a.png" width="60" height="40" alt="">'
    '\r\n<p><a href="https://example.com/leave?of=1">Unsubscribe</a></p></body></html>\r\n'
)
SIGNED = (b"from", b"to", b"subject", b"date", b"message-id", b"list-unsubscribe", b"list-unsubscribe-post")


def ask(name: str) -> bytes | None:
    return RECORD if name == "s1._domainkey.example.com" else None


def written(
    head: Mapping[str, str | None] | None = None,
    text: str | None = TEXT,
    html: str | None = HTML,
    more: str = "",
    before: str = "",
) -> bytes:
    """Return a message with these headers changed or left out (None), parts behind the texts, lines at the top."""
    headers = {**HEAD, **(head or {})}
    kinds = [("plain", text), ("html", html)]
    parts = [
        f"--b\r\nContent-Type: text/{kind}; charset=utf-8\r\n\r\n{content}\r\n" for kind, content in kinds if content
    ]
    alternatives = 'Content-Type: multipart/alternative; boundary="b"\r\n\r\n' + "".join(parts) + "--b--\r\n"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value is not None)
    body = (
        f'Content-Type: multipart/mixed; boundary="m"\r\n\r\n--m\r\n{alternatives}\r\n--m\r\n{more}\r\n--m--\r\n'
        if more
        else alternatives
    )
    return f"{before}{lines}{body}".encode()


def signed(raw: bytes, domain: str = "example.com", headers: tuple[bytes, ...] = SIGNED, **more: bool) -> bytes:
    """Return the message with a signature of this domain."""
    there = raw.partition(b"\r\n\r\n")[0].lower()
    covered = [name for name in headers if b"\n" + name + b":" in there]
    signature: bytes = dkim.DKIM(raw).sign(
        b"s1",
        domain.encode(),
        base64.b64encode(bytes(PRIVATE)),
        b"ed25519-sha256",
        canonicalize=(b"relaxed", b"relaxed"),
        include_headers=covered,
        **more,
    )
    return signature + raw


@cache
def good() -> bytes:
    return signed(written())


@cache
def good_bulk() -> bytes:
    return signed(written(OF_LISTS))


def read(raw: bytes, asking: AskKey = ask, *, is_bulk: bool = False) -> Mail:
    return mail_of(raw, asking, NOW, is_bulk=is_bulk)


def failing(raw: bytes, asking: AskKey = ask, *, is_bulk: bool = False) -> dict[str, tuple[str, ...]]:
    """Return what is found, by the rules that fail."""
    return {one.rule.id: one.said for one in findings_of(read(raw, asking, is_bulk=is_bulk))}
