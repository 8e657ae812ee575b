"""Each rule: a message that passes it, and one that fails it and no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from mailevents_dagster.deliverability.lint.linting import RULES
from mailevents_dagster.deliverability.lint.rule import Rule
from mailevents_dagster_tests.deliverability.lint.writing import (
    HTML,
    OF_LISTS,
    failing,
    good,
    good_bulk,
    signed,
    written,
)

PICTURE = '<img src="https://example.com/big.png" width="600" height="800" alt="A big apple">'
DEEP = "<div>\r\n" * 600 + "x"
LONG = "a word\r\n" * 200


def html(more: str) -> bytes:
    return signed(written(html=f"{HTML}{more}"))


def linked(href: str, text: str = "here") -> bytes:
    return html(f'<a href="{href}">{text}</a>')


def attached(name: str, megabytes: int = 0) -> str:
    type_ = f'application/octet-stream; name="{name}"\r\nContent-Disposition: attachment; filename="{name}"'
    return f"Content-Type: {type_}\r\n\r\nx\r\n" + f"{'x' * 62}\r\n" * (2**14 * megabytes)


def head(**changes: str | None) -> bytes:
    return signed(written({name.replace("_", "-"): value for name, value in changes.items()}))


FAILS: Mapping[str, Callable[[], bytes]] = {
    "dkim-missing": written,
    "dkim-invalid": lambda: good().replace(b"new apples, pears and quinces", b"bad apples, pears and quinces"),
    "dkim-length": lambda: signed(written(), length=True),
    "from-unaligned": lambda: signed(written({"From": "news@example.net"})),
    "no-reply": lambda: head(From="Shop <no-reply@example.com>"),
    "false-reply": lambda: head(Subject="RE: your order"),
    "one-click-missing": lambda: signed(written({**OF_LISTS, "List-Unsubscribe-Post": None})),
    "one-click-unsigned": lambda: signed(written(OF_LISTS), headers=(b"from", b"date")),
    "unsubscribe-link": lambda: signed(written(OF_LISTS, text=f"Hello. {LONG}", html=f"<p>Hello. {LONG}</p>")),
    "header-missing": lambda: signed(written({"Message-ID": None})),
    "header-twice": lambda: signed(b"Subject: another\r\n" + written()),
    "from-address": lambda: head(From="a@example.com, b@example.com"),
    "message-id-form": lambda: head(Message_ID="1"),
    "date-form": lambda: head(Date="20.11.2026 14:00"),
    "date-future": lambda: head(Date="Sun, 22 Nov 2026 14:00:00 +0300"),
    "subject-missing": lambda: head(Subject=None),
    "header-8bit": lambda: head(Subject="Şimdi"),
    "line-length": lambda: html(f"<!-- {'x' * 1000} -->"),
    "line-ends": lambda: html("one\rtwo"),
    "html-size": lambda: html("\r\n".join([f"<!-- {'x' * 900} -->"] * 130)),
    "mail-size": lambda: signed(written(more=attached("a.pdf", megabytes=26))),
    "mail-heavy": lambda: signed(written(more=attached("a.pdf", megabytes=11))),
    "charset": lambda: signed(written().replace(b"quinces", b"quinces \xff\xfe\xfd")),
    "mime-broken": lambda: signed(written().replace(b"--b--", b"")),
    "attachment-dangerous": lambda: signed(written(more=attached("bill.pdf.exe"))),
    "attachment-macros": lambda: signed(written(more=attached("bill.docm"))),
    "text-missing": lambda: signed(written(text=None)),
    "empty": lambda: signed(written(html=None, text="\r\n")),
    "text-differs": lambda: signed(
        written(text="Your program cannot show this mail.\r\n", html=HTML + " ".join(f"word{n}x" for n in range(40)))
    ),
    "image-only": lambda: signed(written(html=PICTURE)),
    "image-share": lambda: html(PICTURE),
    "alt-missing": lambda: html('<img src="https://example.com/b.png" width="50" height="50">'),
    "image-lost": lambda: html('<img src="cid:nothing" width="50" height="50" alt="">'),
    "image-data": lambda: html('<img src="data:image/png;base64,AAAA" width="50" height="50" alt="">'),
    "text-hidden": lambda: html(f'<div style="display:none">{LONG}</div>'),
    "html-active": lambda: html("<script>go()</script>"),
    "style-outside": lambda: html('<link rel="stylesheet" href="https://example.com/a.css">'),
    "html-deep": lambda: html(DEEP),
    "link-broken": lambda: linked(""),
    "link-script": lambda: linked("javascript:go()"),
    "link-elsewhere": lambda: linked("https://example.net/", "www.example.com"),
    "link-short": lambda: linked("https://bit.ly/3abc"),
    "link-http": lambda: linked("http://example.com/"),
    "link-number": lambda: linked("https://192.0.2.1/"),
}
"""Made by the test that needs it: some have megabytes, and each is signed."""
JUDGED_ELSEWHERE = {"dkim-unchecked", "not-sent-yet"}
"""Notices; test_signatures has them."""


def test_every_rule_has_a_message_that_fails_it() -> None:
    assert {rule.id for rule in RULES} == FAILS.keys() | JUDGED_ELSEWHERE
    assert len({rule.id for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("bulk", [False, True], ids=["one", "bulk"])
def test_a_message_that_is_well_made_passes_every_rule(bulk: bool) -> None:
    assert failing(good_bulk() if bulk else good()) == {}


HEAVY = {"mail-size", "mail-heavy"}
"""Of megabytes, which take a second to sign."""


@pytest.mark.parametrize(
    "rule", [pytest.param(rule, marks=pytest.mark.slow if rule in HEAVY else ()) for rule in FAILS]
)
def test_a_message_that_breaks_a_rule_fails_that_rule_and_no_other(rule: str) -> None:
    found = failing(FAILS[rule]())
    assert found.keys() - JUDGED_ELSEWHERE == {rule}, found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_says_why_and_what_to_do_in_whole_sentences(rule: Rule) -> None:
    for text in (rule.reason, rule.mend):
        assert text[0].isupper()
        assert text.endswith(".")
