"""Read a message in one pass, in memory that does not grow with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from mailevents_dagster.sources.messages.addresses import addresses_of
from mailevents_dagster.sources.messages.attachments import OpenSink
from mailevents_dagster.sources.messages.bodies import MOST
from mailevents_dagster.sources.messages.contents import MessageContents
from mailevents_dagster.sources.messages.faults import Faults
from mailevents_dagster.sources.messages.gathered import Gathered
from mailevents_dagster.sources.messages.head import Head
from mailevents_dagster.sources.messages.kinds import kind_of
from mailevents_dagster.sources.messages.lines import Lines
from mailevents_dagster.sources.messages.message import Message
from mailevents_dagster.sources.messages.tree import Tree
from mailevents_dagster.sources.messages.values import ids_of, seconds_of, text_value

_MOST_HEADERS: Final = 2**16
"""Characters of headers that a record holds."""
_LONGEST_HEADER: Final = 2**13
_LONGEST_SUBJECT: Final = 2_000
_IMPORTANCES: Final = {
    "high": "high",
    "urgent": "high",
    "low": "low",
    "non-urgent": "low",
    "1": "high",
    "2": "high",
} | {
    "4": "low",
    "5": "low",
}


def read_message(chunks: Iterable[bytes], attachment: OpenSink = lambda _: None, *, most_text: int = MOST) -> Message:
    """Return what a message says of itself, whatever is broken in it: its faults say what.

    For each attachment `attachment` is asked where its content goes; what it returns is closed at the content's end.
    Of the text and of the HTML so many bytes are kept.
    Only errors of the chunks, of these sinks and of a full disk are raised.
    """
    faults = Faults()
    gathered = Gathered(attachment, faults, most_text)
    contents = MessageContents(gathered)
    lines = Lines(chunks)
    head, root = Tree(lines, contents, faults).read()
    author = next(iter(addresses_of(head.all("from"))), None)
    subject = text_value(head.first("subject") or b"")
    return Message(
        size=lines.size,
        kind=kind_of(head, root, author, gathered.seen),
        message_id=next(iter(ids_of(head.first("message-id"))), None),
        sent=seconds_of(head.first("date") or b""),
        from_=author,
        sender=next(iter(addresses_of(head.all("sender"))), author),
        to=addresses_of(head.all("to")),
        cc=addresses_of(head.all("cc")),
        bcc=addresses_of(head.all("bcc")),
        reply_to=addresses_of(head.all("reply-to")),
        subject=subject[:_LONGEST_SUBJECT],
        importance=_importance(head),
        in_reply_to=ids_of(head.first("in-reply-to")),
        references=ids_of(head.first("references")),
        headers=tuple(_headers(head, faults)),
        authentication_results=tuple(
            text_value(value)[:_LONGEST_HEADER] for value in head.all("authentication-results")
        ),
        text=contents.text(),
        html=gathered.html.value,
        attachments=tuple(gathered.attachments.found),
        faults=tuple(faults),
    )


def _importance(head: Head) -> str:
    for name in ("importance", "x-msmail-priority", "priority", "x-priority"):
        words = text_value(head.first(name) or b"").lower().split()
        if words and words[0] in _IMPORTANCES:
            return _IMPORTANCES[words[0]]
    return "normal"


def _headers(head: Head, faults: Faults) -> Iterator[tuple[str, str]]:
    room = _MOST_HEADERS
    for name, raw in head.fields:
        value = text_value(raw)
        room -= len(name) + min(len(value), _LONGEST_HEADER)
        if len(value) > _LONGEST_HEADER or room < 0:
            faults.add("its headers are long: some are cut or left out")
        if room < 0:
            return
        yield name, value[:_LONGEST_HEADER]
