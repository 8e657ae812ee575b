"""Reports of one mail: complaints (RFC 5965) and why a mail failed DMARC (RFC 6591, RFC 9991)."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import IO, Final

from mailevents_dagster.deliverability.reports.values import COMPLAINT, FAILURE, Feedback, Fields, type_of
from mailevents_dagster.files.json_text import canonical
from mailevents_dagster.files.printable import printable
from mailevents_dagster.sources.messages.faults import Faults
from mailevents_dagster.sources.messages.head import read_head, skip_envelope
from mailevents_dagster.sources.messages.lines import Lines
from mailevents_dagster.sources.messages.message import Message
from mailevents_dagster.sources.messages.reading import read_message
from mailevents_dagster.sources.messages.values import text_value

_SEVERAL: Final = frozenset(
    {
        "authentication_results",
        "original_rcpt_to",
        "reported_domain",
        "reported_uri",
        "removal_recipient",
        "dkim_selector_dns",
        "spf_dns",
    }
)
"""Fields that a report may hold more than once."""
_NUMBERS: Final = frozenset({"incidents"})
_IN_BRACKETS: Final = frozenset({"original_mail_from", "original_rcpt_to", "removal_recipient", "message_id"})
_MOST: Final = 2**20
_BLOCK: Final = 2**16
_IP: Final = re.compile(r"\bfrom ([\d.:A-Fa-f]{3,45})\s*$")
_FAILED: Final = re.compile(r"message claiming to be from you has failed", re.IGNORECASE)
_COPY: Final = re.compile(r"copy of the (?:headers|message)\b.{0,300}?\n[ \t]*\n", re.IGNORECASE | re.DOTALL)
_NAMED: Final = re.compile(r"^[ \t>*]{0,20}([A-Za-z][A-Za-z /-]{2,40}):[ \t]*([^\r\n]{0,500})", re.MULTILINE)
_IN_WORDS: Final = {
    "sender domain": "reported_domain",
    "sender ip address": "source_ip",
    "received date": "arrival_date",
    "spf alignment": "spf_alignment",
    "dkim alignment": "dkim_alignment",
    "dmarc results": "dmarc_results",
}
"""The names of the specification for those that a gateway writes."""
_HOTMAIL: Final = "x-hmxmroriginalrecipient"
"""The header in which Hotmail, whose complaints are no reports of the RFC, says who complained."""


def feedback_of(file: str, mail: Message, report: IO[bytes], original: IO[bytes] | None) -> Feedback:
    """Return what the parts of a report say."""
    fields, left_out = _fields(report.read(_MOST))
    about = _read(original)
    type_ = type_of(fields)
    is_failure = type_ == "auth-failure" or (not type_ and "auth_failure" in fields)
    kind: Final = FAILURE if is_failure else COMPLAINT
    head = _original(about)
    return Feedback(file, _key(kind, mail, fields, head), metadata_of(mail), fields, head, kind, left_out)


def hotmail_complaint(file: str, mail: Message, original: IO[bytes]) -> Feedback:
    """Return a complaint that is told by its subject and by a header of the mail that it is about."""
    about = _read(original)
    source = _IP.search(mail.subject)
    fields: Fields = {"source_ip": source[1]} if source else {}
    recipients = [value for name, value in about.headers if name.lower() == _HOTMAIL] if about else []
    if recipients:
        fields["original_rcpt_to"] = [one.strip(" <>") for one in recipients]
    head = _original(about)
    return Feedback(file, _key(COMPLAINT, mail, fields, head), metadata_of(mail), fields, head, COMPLAINT)


def failure_in_words(file: str, mail: Message, original: IO[bytes] | None) -> Feedback | None:
    """Return the failure that a gateway tells in a text of names and values; None where the text is another."""
    text = mail.text or ""
    if not _FAILED.search(text):
        return None
    fields: Fields = {}
    for name, value in _NAMED.findall(text):
        if (known := _IN_WORDS.get(name.strip().lower())) and value.strip():
            _add(fields, known, value.strip())
    if "source_ip" not in fields:
        return None
    head = _original(_read(original) or _quoted(text))
    return Feedback(file, _key(FAILURE, mail, fields, head), metadata_of(mail), fields, head, FAILURE)


def metadata_of(mail: Message) -> Fields:
    """Return what names a mail that brought a report."""
    return {
        "from": mail.from_.address if mail.from_ else None,
        "message_id": mail.message_id,
        "date": _moment(mail.sent),
        "subject": mail.subject or None,
    }


def _fields(report: bytes) -> tuple[Fields, tuple[str, ...]]:
    """Return the fields, and which say one thing and another.

    Blank lines between them, which some write, end nothing.
    """
    faults, lines = Faults(), Lines([report])
    skip_envelope(lines, faults)
    fields: Fields = {}
    again: dict[str, None] = {}
    while lines.peek():
        head = read_head(lines, lambda _: False, faults)
        if not head.fields:
            break
        for name, raw in head.fields:
            if not _add(fields, name.lower().replace("-", "_"), text_value(raw)):
                again[name.lower()] = None
        lines.skip_blank()
    return fields, tuple(f"{printable(name, 60)} says one thing and another: the first counts" for name in again)


def _add(fields: Fields, name: str, value: str) -> bool:
    """Add a field; return whether it says nothing else than one that was there, or may be there again."""
    if name in _IN_BRACKETS:
        value = value.removeprefix("rfc822;").strip(" <>")
    if name in _SEVERAL:
        fields.setdefault(name, []).append(value)
        return True
    given = int(value) if name in _NUMBERS and value.isdecimal() and len(value) < 19 else value
    return bool(fields.setdefault(name, given) == given)


def _read(original: IO[bytes] | None) -> Message | None:
    if original is None:
        return None
    return read_message(iter(lambda: original.read(_BLOCK), b""))


def _quoted(text: str) -> Message | None:
    """Return the mail whose header stands in a text, where it says so."""
    found = _COPY.search(text)
    return read_message([text[found.end() :].encode()]) if found else None


def _original(about: Message | None) -> Fields:
    if about is None:
        return {}
    return {
        "message_id": about.message_id,
        "from": about.from_.address if about.from_ else None,
        "to": [one.address for one in about.to if one.address],
        "subject": about.subject or None,
        "date": _moment(about.sent),
        "feedback_id": next((value for name, value in about.headers if name.lower() == "feedback-id"), None),
        "list_unsubscribe": next((value for name, value in about.headers if name.lower() == "list-unsubscribe"), None),
    }


def _moment(seconds: int | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


def _key(kind: str, mail: Message, fields: Fields, original: Fields) -> tuple[str, ...]:
    digest = hashlib.sha256(canonical([fields, original])).hexdigest()
    return kind, mail.message_id or "", digest
