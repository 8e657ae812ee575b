"""Read the reports in a file, whatever they are packed in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import IO, Final

from mailevents_dagster.deliverability.reports.aggregate import read_aggregate
from mailevents_dagster.deliverability.reports.feedback import failure_in_words, feedback_of, hotmail_complaint
from mailevents_dagster.deliverability.reports.mails import MOST_PARTS, Attached, Mail, read_mail
from mailevents_dagster.deliverability.reports.packing import Budget, Content, damage_of, unpacked
from mailevents_dagster.deliverability.reports.tls import read_tls
from mailevents_dagster.deliverability.reports.values import Broken, BrokenReportError, NotAReportError, Report
from mailevents_dagster.files.printable import printable
from mailevents_dagster.sources.messages.charsets import MARKS
from mailevents_dagster.sources.messages.message import Kind

_DEEPEST: Final = 4
"""Mails in mails."""
_HEADER: Final = re.compile(rb"(?:>?From [^\n]{1,1000}\n)?[\x21-\x39\x3b-\x7e]{1,100}[ \t]*:")
_XML: Final = re.compile(rb"<\?xml|<(?:[\w.-]{1,40}:)?feedback\b")
_NAMED: Final = re.compile(r"[^!]![^!]+!\d+!\d+")
"""How both specifications name the file of a report."""
_MOST_WORDS: Final = 300


def read_reports(file: str, stream: IO[bytes]) -> Iterator[Report | Broken]:
    """Yield what is in a file, which can be read more than once; read each before the next.

    Only errors of the stream itself are raised.
    """
    try:
        yield from _reports(Content(file, stream), Budget(), 0)
    except BrokenReportError as error:
        yield _broken(file, error)


def _reports(content: Content, budget: Budget, depth: int) -> Iterator[Report | Broken]:
    """Yield the reports; raise where there is none."""
    found, other = 0, NotAReportError("no report is in it")
    for one in unpacked(content, budget):
        try:
            for report in _of_one(one, budget, depth):
                found += 1
                yield report
        except NotAReportError as error:
            other = error
        except BrokenReportError as error:
            found += 1
            yield _broken(one.name, error)
    if not found:
        raise other


def _of_one(content: Content, budget: Budget, depth: int) -> Iterator[Report | Broken]:
    head = content.head()
    for mark, _ in MARKS:
        head = head.removeprefix(mark)
    head = head.lstrip(b" \t\r\n\0")
    if head.startswith(b"<"):
        yield read_aggregate(content.name, content.stream)
    elif head.startswith((b"{", b"[")):
        yield read_tls(content.name, content.stream)
    elif _HEADER.match(head):
        yield from _of_mail(content, budget, depth)
    elif _XML.search(head):
        yield read_aggregate(content.name, content.stream)
    elif damage := damage_of(content.stream):
        raise BrokenReportError(damage)
    else:
        raise NotAReportError("neither XML, JSON, zip, gzip nor a mail" if head else "it is empty")


def _of_mail(content: Content, budget: Budget, depth: int) -> Iterator[Report | Broken]:
    if depth > _DEEPEST:
        raise BrokenReportError(f"more than {_DEEPEST} mails are packed in each other")
    mail = read_mail(content, budget)
    found = False
    try:
        read: list[Attached] = []
        for report in _of_one_mail(content.name, mail, read):
            found = True
            yield report
        for other in _attached(mail.contents(read), content.name, budget, depth):
            found = True
            yield other
        if mail.is_cut:
            found = True
            yield Broken(content.name, f"it has more than {MOST_PARTS} attachments: the rest is not looked into")
    finally:
        mail.close()
    if not found:
        raise NotAReportError("a mail without a report")


def _of_one_mail(file: str, mail: Mail, read: list[Attached]) -> Iterator[Report]:
    """Yield what a mail reports of other mails, each by itself; note what was read for that."""
    feedbacks = mail.feedbacks()
    for feedback, about in feedbacks:
        read += [one for one in (feedback, about) if one is not None]
        yield feedback_of(file, mail.message, feedback.content.stream, about.content.stream if about else None)
    if feedbacks:
        return
    original = mail.original()
    stream = original.content.stream if original else None
    if (text := mail.feedback_text()) is not None:
        report: Report | None = feedback_of(file, mail.message, text, stream)
    elif mail.message.kind is Kind.REPORT and stream is not None:
        report = hotmail_complaint(file, mail.message, stream)
    else:
        report = failure_in_words(file, mail.message, stream)
    if report is not None:
        read += [original] if original else []
        yield report


def _attached(contents: Iterable[Content], file: str, budget: Budget, depth: int) -> Iterator[Report | Broken]:
    for part in contents:
        name = f"{file}/{part.name}"
        try:
            yield from _reports(Content(name, part.stream), budget, depth + 1)
        except NotAReportError as error:
            if _NAMED.search(part.name):
                yield Broken(name, printable(f"it is named as a report: {error}", _MOST_WORDS))
            # Else it is such as a picture in a signature.
        except BrokenReportError as error:
            yield _broken(name, error)


def _broken(file: str, error: BrokenReportError) -> Broken:
    return Broken(file, printable(str(error), _MOST_WORDS), isinstance(error, NotAReportError))
