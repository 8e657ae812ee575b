"""Rules on the form of a message: its header, its lines, its size, its charset, what is attached."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from mailevents_dagster.deliverability.lint.mail import Mail
from mailevents_dagster.deliverability.lint.rule import Rule, Weight
from mailevents_dagster.deliverability.lint.words import DANGEROUS_ENDINGS, MACRO_ENDINGS
from mailevents_dagster.files.printable import printable
from mailevents_dagster.sources.messages.addresses import addresses_of
from mailevents_dagster.sources.messages.values import plain_value, seconds_of

LONGEST_LINE: Final = 998
"""Bytes without the end of the line: RFC 5322, 2.1.1."""
CLIPPED: Final = 102 * 1024
"""Bytes of HTML after which Gmail shows a link instead of the rest."""
HEAVY: Final = 10 * 1024**2
TOO_LARGE: Final = 25 * 1024**2
"""Bytes as they are sent: Gmail and many others take no more."""
AHEAD: Final = 3600
"""Seconds that a clock may be ahead."""
_WANTED: Final = ("From", "Date", "Message-ID")
_SINGLE: Final = (
    *("From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Message-ID", "In-Reply-To", "References", "Subject", "Date"),
    *("MIME-Version", "Content-Type", "Content-Transfer-Encoding", "List-Unsubscribe", "List-Unsubscribe-Post"),
)
_ID: Final = re.compile(r"<[^<>@\s]{1,500}@[^<>@\s]{1,500}>")
_OF_CHARSET: Final = ("charset",)
_OF_LENGTH: Final = ("is longer than", "more than", "are long")


def _missing(mail: Mail) -> Iterator[str]:
    for name in _WANTED:
        if not any(value.strip() for value in mail.head.all(name.lower())):
            yield f"{name} is missing"


def _twice(mail: Mail) -> Iterator[str]:
    for name in _SINGLE:
        if (count := len(mail.head.all(name.lower()))) > 1:
            yield f"{name} is there {count:,} times"


def _author(mail: Mail) -> Iterator[str]:
    values = mail.head.all("from")
    authors = addresses_of(values)
    for author in authors:
        if not re.fullmatch(r"[^@\s]{1,64}@[^@\s]{1,255}", author.address):
            yield f"`{printable(author.address or author.name, 80)}` is no address"
    if values and values[0].strip() and not authors:
        yield "From has no address"
    if len(authors) > 1 and not mail.head.all("sender"):
        yield f"{len(authors):,} addresses, and no Sender says which of them sent it"


def _message_id(mail: Mail) -> Iterator[str]:
    value = plain_value(mail.head.first("message-id") or b"")
    if value and not _ID.fullmatch(value):
        yield f"`{printable(value, 80)}`"


def _date(mail: Mail) -> Iterator[str]:
    value = mail.head.first("date") or b""
    if value.strip() and seconds_of(value) is None:
        yield f"`{printable(plain_value(value), 60)}`"


def _future(mail: Mail) -> Iterator[str]:
    if mail.message.sent is not None and mail.message.sent > mail.now + AHEAD:
        yield f"`{printable(plain_value(mail.head.first('date') or b''), 60)}`"


def _subject(mail: Mail) -> Iterator[str]:
    if not mail.message.subject.strip():
        yield "there is none"


def _eight_bit(mail: Mail) -> Iterator[str]:
    name = "a line"
    for line in mail.head_block().split(b"\n"):
        if line[:1] not in (b" ", b"\t"):
            name = printable(line.partition(b":")[0].decode("ascii", "replace"), 40)
        if not line.isascii():
            yield name


def _long_lines(mail: Mail) -> Iterator[str]:
    long = [len(line) for line in mail.lines() if len(line) > LONGEST_LINE]
    if long:
        yield f"{len(long):,} of its lines, the longest of {max(long):,} bytes"


def _line_ends(mail: Mail) -> Iterator[str]:
    raw = mail.raw
    pairs, feeds, returns = raw.count(b"\r\n"), raw.count(b"\n"), raw.count(b"\r")
    if returns > pairs:
        yield f"{returns - pairs:,} carriage returns that end no line"
    if 0 < pairs < feeds:
        yield f"{feeds - pairs:,} line feeds without a carriage return, among others with one"
    if nulls := raw.count(b"\0"):
        yield f"{nulls:,} bytes of value 0"


def _clipped(mail: Mail) -> Iterator[str]:
    size = len((mail.message.html or "").encode())
    if size > CLIPPED:
        yield f"{size / 1024:,.0f} kB of HTML"


def _heavy(mail: Mail) -> Iterator[str]:
    if HEAVY < len(mail.raw) <= TOO_LARGE:
        yield f"{len(mail.raw) / 1024**2:,.1f} MB"


def _too_large(mail: Mail) -> Iterator[str]:
    if len(mail.raw) > TOO_LARGE:
        yield f"{len(mail.raw) / 1024**2:,.1f} MB"


def _charset(mail: Mail) -> Iterator[str]:
    return (fault for fault in mail.message.faults if any(word in fault for word in _OF_CHARSET))


def _mime(mail: Mail) -> Iterator[str]:
    for fault in mail.message.faults:
        if not any(word in fault for word in (*_OF_CHARSET, *_OF_LENGTH)):
            yield fault


def _endings(mail: Mail, endings: frozenset[str]) -> Iterator[str]:
    for attachment in mail.message.attachments:
        name = (attachment.name or "").strip(" .").lower()
        if "." in name and name.rpartition(".")[2] in endings:
            yield f"`{printable(attachment.name or '', 80)}`"


RULES: Final = (
    Rule(
        "header-missing",
        Weight.ERROR,
        "A mail must say from whom, of when and which it is. Gmail refuses mails without From or Message-ID.",
        "Have the program that makes the mail write From, Date and Message-ID.",
        _missing,
    ),
    Rule(
        "header-twice",
        Weight.ERROR,
        "These may be there once. Of two each program shows another; so forgers do it, and receivers refuse it.",
        "Write it once; look which program adds a second one.",
        _twice,
    ),
    Rule(
        "from-address",
        Weight.ERROR,
        "Receivers judge a mail by the domain in From; without exactly one address there is nothing to judge.",
        "Write one address into From, such as `Shop <news@example.com>`.",
        _author,
    ),
    Rule(
        "message-id-form",
        Weight.WARNING,
        "A Message-ID that is not `<left@right>` is not found again in logs and threads, and counts as a sign of spam.",
        "Have it made by a library, with a domain of yours on the right.",
        _message_id,
    ),
    Rule(
        "date-form",
        Weight.ERROR,
        "A date that cannot be read, or that names no time zone, is a sign of spam, and sorts the mail anywhere.",
        "Write it as RFC 5322 has it: `Fri, 20 Nov 2026 14:00:00 +0300`.",
        _date,
    ),
    Rule(
        "date-future",
        Weight.ERROR,
        "A mail from the future stays on top of the inbox. Spammers want that, so receivers hold it against you.",
        "Set the clock and the time zone of the machine that sends.",
        _future,
    ),
    Rule(
        "subject-missing",
        Weight.WARNING,
        "A mail without a subject is opened less, and looks like one that a virus sent.",
        "Write a subject.",
        _subject,
    ),
    Rule(
        "header-8bit",
        Weight.ERROR,
        "Headers are ASCII. Servers that do not know SMTPUTF8 refuse other bytes, or show them as question marks.",
        "Encode the words (RFC 2047), as mail libraries do by themselves.",
        _eight_bit,
    ),
    Rule(
        "line-length",
        Weight.ERROR,
        "A line may have 998 bytes. Servers refuse longer ones or break them, which breaks links and the signature.",
        "Encode the text as quoted-printable or base64.",
        _long_lines,
    ),
    Rule(
        "line-ends",
        Weight.ERROR,
        "Single carriage returns or line feeds let mails be smuggled into others, so large receivers refuse them.",
        "End each line with CR LF, and encode contents that have others.",
        _line_ends,
    ),
    Rule(
        "html-size",
        Weight.WARNING,
        "Gmail cuts HTML after 102 kB: what stands below is not seen, mostly the way to unsubscribe.",
        "Take out what the editor left behind (comments, repeated styles), or say less.",
        _clipped,
    ),
    Rule(
        "mail-size",
        Weight.ERROR,
        "Many receivers, Gmail among them, take no mail of more than 25 MB as it is sent: a third more than its files.",
        "Offer a link to the file instead.",
        _too_large,
    ),
    Rule(
        "mail-heavy",
        Weight.WARNING,
        "Some receivers take 10 MB at most, and mailboxes fill.",
        "Offer a link to the file instead.",
        _heavy,
    ),
    Rule(
        "charset",
        Weight.ERROR,
        "The text is not in the charset that is declared: readers see other letters, filters an attempt to hide.",
        "Write and declare UTF-8.",
        _charset,
    ),
    Rule(
        "mime-broken",
        Weight.WARNING,
        "Mail programs guess what is meant, each in its own way; some show nothing, and some filters refuse it.",
        "Have the message made by a mail library, not put together by hand.",
        _mime,
    ),
    Rule(
        "attachment-dangerous",
        Weight.ERROR,
        "Files that run are refused or taken out by nearly every receiver.",
        "Offer the file on a page of yours.",
        lambda mail: _endings(mail, DANGEROUS_ENDINGS),
    ),
    Rule(
        "attachment-macros",
        Weight.WARNING,
        "Documents that may hold macros are held back or opened with a warning.",
        "Send a PDF, or a document without macros.",
        lambda mail: _endings(mail, MACRO_ENDINGS),
    ),
)
