"""Rules on links: they lead somewhere, by https, and to where they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from mailevents_dagster.deliverability.lint.mail import Mail
from mailevents_dagster.deliverability.lint.organizations import is_host, organization_of
from mailevents_dagster.deliverability.lint.rule import Rule, Weight
from mailevents_dagster.deliverability.lint.words import SHORT_LINK_HOSTS
from mailevents_dagster.files.printable import printable

_SCHEMES: Final = frozenset({"http", "https", "mailto", "tel", "sms", "cid", "webcal", "geo", "whatsapp"})
_SCRIPTS: Final = frozenset({"javascript", "vbscript", "data", "file"})
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]{0,30}):", re.IGNORECASE)
_UNESCAPED: Final = re.compile(r"[\x00-\x20<>\"\\^`{|}\x7f-\U0010ffff]")
_PLACEHOLDER: Final = re.compile(r"\{\{|\}\}|\*\|[\w:]|%%\w|\$\{|\[\[|<%|%5B%5B|%7B%7B", re.IGNORECASE)
"""What templates of senders and of providers are filled in at."""
_SHOWN: Final = re.compile(
    r"(https?://)?(www\.)?([\w-]{1,63}(?:\.[\w-]{1,63}){1,20})(?::\d{1,5})?(?:[/?#]\S*)?", re.IGNORECASE
)
_FILES: Final = frozenset({"zip", "md", "mov", "py", "sh", "rs", "pl", "ps", "ai", "app", "so"})
"""Top-level domains that are endings of files, too: `notes.md` alone is no host."""


def _broken(mail: Mail) -> Iterator[str]:
    for link in mail.page.links:
        href = (link.href or "").strip()
        if why := _why_broken(href):
            shown = f"`{printable(href, 80)}`" if href else f"`{printable(link.text.strip(), 40)}`"
            yield f"{shown} {why}"


def _why_broken(href: str) -> str:
    if href in ("", "#"):
        return "leads nowhere"
    if href.startswith("#"):
        return ""
    if _PLACEHOLDER.search(href):
        return "holds a placeholder that nobody filled in"
    scheme = _SCHEME.match(href)
    if scheme is None:
        return "has no scheme such as https: in front; within a mail nothing is relative"
    name = scheme[1].lower()
    if name in _SCRIPTS:
        return ""  # a rule of its own
    if name not in _SCHEMES:
        return "has a scheme that mail programs do not open"
    if _UNESCAPED.search(href):
        return "has characters that must be escaped"
    return "" if name not in ("http", "https") or _host(href) else "names no host"


def _scripts(mail: Mail) -> Iterator[str]:
    for link in mail.page.links:
        scheme = _SCHEME.match(re.sub(r"[\x00-\x20]", "", (link.href or "")[:100]))
        if scheme and scheme[1].lower() in _SCRIPTS:
            yield f"`{printable(link.href or '', 60)}`"


def _unencrypted(mail: Mail) -> Iterator[str]:
    return (f"`{printable(url, 80)}`" for url in mail.urls if url.lower().startswith("http:"))


def _short(mail: Mail) -> Iterator[str]:
    for url in mail.urls:
        host = _host(url)
        if host in SHORT_LINK_HOSTS or host.removeprefix("www.") in SHORT_LINK_HOSTS:
            yield f"`{printable(url, 80)}`"


def _numeric(mail: Mail) -> Iterator[str]:
    for url in mail.urls:
        try:
            ip_address(_host(url))
        except ValueError:
            continue
        yield f"`{printable(url, 80)}`"


def _elsewhere(mail: Mail) -> Iterator[str]:
    for link in mail.page.links:
        shown, leads = _shown_host(link.text), _host(link.href or "")
        if shown and leads and organization_of(shown) != organization_of(leads):
            yield printable(f"shows {shown}, leads to {leads}", 160)


def _shown_host(text: str) -> str:
    """Return the host that the text of a link shows; nothing where it shows none."""
    found = _SHOWN.fullmatch(text.strip())
    if found is None:
        return ""
    host = found[3].lower()
    is_plain = found[1] is None and found[2] is None
    if (is_plain and host.rpartition(".")[2] in _FILES) or not is_host(host):
        return ""
    return host


def _host(url: str) -> str:
    """Return the host of a web address; nothing where it has none."""
    try:
        parts = urlsplit(url.strip())
        return (parts.hostname or "").lower() if parts.scheme.lower() in ("http", "https") else ""
    except ValueError:
        return ""


RULES: Final = (
    Rule(
        "link-broken",
        Weight.ERROR,
        "Links that lead nowhere lose the reader, and look like a mail that was put together in haste.",
        "Write whole addresses, `https://…`, with what is special escaped, and try each of them.",
        _broken,
    ),
    Rule(
        "link-script",
        Weight.ERROR,
        "No mail program runs it; filters take the mail for an attack.",
        "Lead to a page that does it.",
        _scripts,
    ),
    Rule(
        "link-elsewhere",
        Weight.ERROR,
        "A link that shows one address and leads to another is phishing's way. Filters and mail programs warn of it.",
        "Let the link show words, or the address it leads to; have clicks counted by a subdomain of yours.",
        _elsewhere,
    ),
    Rule(
        "link-short",
        Weight.ERROR,
        "Nobody sees where short links lead to, so spammers use them, and their hosts are on blocklists.",
        "Write the whole address.",
        _short,
    ),
    Rule(
        "link-http",
        Weight.WARNING,
        "Without https everybody on the way can read and change the page; mail programs warn of such links.",
        "Write https, also for pictures and for the link that counts clicks.",
        _unencrypted,
    ),
    Rule(
        "link-number",
        Weight.ERROR,
        "An IP address in place of a name is a sign of a machine that was taken over.",
        "Write the name of the host.",
        _numeric,
    ),
)
