"""Rules on who sends: signatures, the domain in From, an address that takes answers, an honest subject."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from mailevents_dagster.deliverability.lint.mail import Mail, domain_of
from mailevents_dagster.deliverability.lint.organizations import organization_of
from mailevents_dagster.deliverability.lint.rule import Rule, Weight
from mailevents_dagster.deliverability.lint.signatures import State
from mailevents_dagster.deliverability.lint.words import FORWARD_PREFIXES, NO_REPLY_NAMES, REPLY_PREFIXES
from mailevents_dagster.files.printable import printable
from mailevents_dagster.sources.messages.addresses import addresses_of

_PREFIX: Final = re.compile(r"\s{0,9}([^\W\d_]\w{0,7}\u0307?\w{0,7})\s{0,2}(?:[\[(]\d{1,3}[\])])?\s{0,2}[:：]")
_OF_THREADS: Final = ("in-reply-to", "references", "thread-index", "x-forwarded-message-id", "resent-from")
"""Headers that mail programs write when something is answered or sent on."""


def _unsigned(mail: Mail) -> Iterator[str]:
    if mail.was_sent and not mail.signatures:
        yield "there is no DKIM-Signature"


def _invalid(mail: Mail) -> Iterator[str]:
    return (f"{one}: {one.reason}" for one in mail.signatures if one.state is State.INVALID)


def _unchecked(mail: Mail) -> Iterator[str]:
    return (f"{one}: {one.reason}" for one in mail.signatures if one.state is State.UNCHECKED)


def _part_of_body(mail: Mail) -> Iterator[str]:
    return (str(one) for one in mail.signatures if one.has_length)


def _not_sent(mail: Mail) -> Iterator[str]:
    if not mail.was_sent:
        yield "it has no header that a mail server wrote"


def _unaligned(mail: Mail) -> Iterator[str]:
    author = mail.author_domain
    returned = addresses_of(mail.head.all("return-path")[:1])
    path = domain_of(returned[0].address) if returned else ""
    if not mail.was_sent or not author or not (mail.signatures or path):
        return
    by = [one.domain for one in mail.signatures if one.may_be_valid and one.domain] + ([path] if path else [])
    if organization_of(author) not in map(organization_of, by):
        others = f"signature and envelope are of {' and '.join(dict.fromkeys(by))}" if by else "no signature is valid"
        yield printable(f"From is of {author}; {others}", 200)


def _no_reply(mail: Mail) -> Iterator[str]:
    for header in ("From", "Reply-To"):
        for address in addresses_of(mail.head.all(header.lower())):
            name = re.sub(r"[^a-z]", "", address.address.partition("@")[0].partition("+")[0].lower())
            if name in NO_REPLY_NAMES:
                yield f"{header} is `{printable(address.address, 80)}`"


def _false_reply(mail: Mail) -> Iterator[str]:
    found = _PREFIX.match(mail.message.subject)
    word = found[1].lower() if found else ""
    if word not in REPLY_PREFIXES | FORWARD_PREFIXES:
        return
    nests = any(one.type == "message/rfc822" for one in mail.message.attachments)
    if not nests and not any(value.strip() for name in _OF_THREADS for value in mail.head.all(name)):
        yield f"the subject begins with `{printable(found[0].strip() if found else '', 20)}`"


RULES: Final = (
    Rule(
        "dkim-missing",
        Weight.ERROR,
        "Without a signature nobody can know that the mail is yours. Gmail, Yahoo and Outlook.com demand one.",
        "Switch DKIM on at the server or the provider that sends, with a key for your domain in DNS.",
        _unsigned,
    ),
    Rule(
        "dkim-invalid",
        Weight.ERROR,
        "A signature that fails counts as none, and a mail that was changed on its way looks like a forged one.",
        "Sign last, behind all that adds footers or breaks lines; compare the selector with the record in DNS.",
        _invalid,
    ),
    Rule(
        "dkim-unchecked",
        Weight.NOTICE,
        "Whether the signature is valid could not be checked here. That says nothing against it.",
        "Try it again where name servers can be asked (`--resolver`, without `--no-dns`).",
        _unchecked,
    ),
    Rule(
        "dkim-length",
        Weight.WARNING,
        "With l= a part of the body alone is signed: what others add to your mail looks signed, too.",
        "Take l= out of the settings of what signs.",
        _part_of_body,
    ),
    Rule(
        "not-sent-yet",
        Weight.NOTICE,
        "No mail server has signed it yet, so signature and alignment cannot be judged.",
        "Send it to a mailbox of your own and judge what arrives there.",
        _not_sent,
    ),
    Rule(
        "from-unaligned",
        Weight.ERROR,
        "DMARC passes only where the signature or the envelope is of the domain in From; else receivers may refuse it.",
        "Sign with the domain of From (d=), or let the bounces' address be of that domain.",
        _unaligned,
    ),
    Rule(
        "no-reply",
        Weight.WARNING,
        "People who cannot answer complain instead, and answers are what tells receivers that mails are wanted.",
        "Send from an address that somebody reads, or set Reply-To to one.",
        _no_reply,
    ),
    Rule(
        "false-reply",
        Weight.ERROR,
        "It says to be an answer, or sent on, and is neither. Gmail's rules forbid it, and people report it as spam.",
        "Take the prefix out of the subject.",
        _false_reply,
    ),
)
