"""Rules on bulk mail: people must be able to leave with one click (RFC 8058)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from mailevents_dagster.deliverability.lint.mail import Mail
from mailevents_dagster.deliverability.lint.rule import Rule, Weight
from mailevents_dagster.deliverability.lint.words import UNSUBSCRIBE_WORDS
from mailevents_dagster.sources.messages.values import text_value

_HEADERS: Final = ("list-unsubscribe", "list-unsubscribe-post")
_URI: Final = re.compile(r"<\s{0,9}([^<>\s]{1,4000})\s{0,9}>")
_ONE_CLICK: Final = "list-unsubscribe=one-click"


def _one_click(mail: Mail) -> Iterator[str]:
    if not mail.bulk:
        return
    ways = _ways(mail)
    if not mail.head.all(_HEADERS[0]):
        yield "List-Unsubscribe is missing"
    elif not any(_is_https(way) for way in ways):
        yield "List-Unsubscribe has no https address in < and >"
    value = text_value(mail.head.first(_HEADERS[1]) or b"").lower().replace(" ", "")
    if value != _ONE_CLICK:
        yield f"List-Unsubscribe-Post is {'missing' if not value else 'not `List-Unsubscribe=One-Click`'}"


def _unsigned(mail: Mail) -> Iterator[str]:
    if not mail.bulk or not mail.was_sent or not all(mail.head.all(name) for name in _HEADERS):
        return
    if not any(one.may_be_valid and one.covers.issuperset(_HEADERS) for one in mail.signatures):
        yield "no valid DKIM signature has both headers in h="


def _no_link(mail: Mail) -> Iterator[str]:
    if not mail.bulk:
        return
    ways = set(_ways(mail))
    links = mail.page.links if mail.has_html else []
    if any(link.href in ways or _says_so(f"{link.text} {link.href}") for link in links):
        return
    if ways.isdisjoint(mail.urls) and not _says_so(mail.text):
        yield "no link in it says `unsubscribe`, in any language known here"


def _ways(mail: Mail) -> list[str]:
    return _URI.findall(text_value(mail.head.first(_HEADERS[0]) or b""))


def _is_https(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
        return parts.scheme.lower() == "https" and bool(parts.hostname)
    except ValueError:
        return False


def _says_so(text: str) -> bool:
    text = " ".join(text.lower().split())
    return any(word in text for word in UNSUBSCRIBE_WORDS)


RULES: Final = (
    Rule(
        "one-click-missing",
        Weight.ERROR,
        "Gmail and Yahoo demand of bulk mail a way to leave by one click, which their own button uses (RFC 8058).",
        "Write `List-Unsubscribe: <https://…>` and `List-Unsubscribe-Post: List-Unsubscribe=One-Click`; the address "
        "takes a POST, asks nothing, and does not redirect.",
        _one_click,
    ),
    Rule(
        "one-click-unsigned",
        Weight.ERROR,
        "Receivers show their button only where a valid DKIM signature covers both headers: anybody could add them.",
        "Add both headers to those that are signed (h=).",
        _unsigned,
    ),
    Rule(
        "unsubscribe-link",
        Weight.WARNING,
        "Who finds no way out in the mail itself presses `spam`.",
        "Put a link to unsubscribe where it is seen, in the text and in the HTML.",
        _no_link,
    ),
)
