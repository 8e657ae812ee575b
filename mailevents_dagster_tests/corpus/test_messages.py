"""Messages of many mail servers and programs, awkward ones among them."""

from __future__ import annotations

import email
import email.message
import email.policy
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from mailevents_dagster.sources.messages.message import Kind, Message
from mailevents_dagster.sources.messages.reading import read_message

pytestmark = pytest.mark.corpus

NOT_BOUNCES: Final = {
    "arf": Kind.REPORT,
    "rfc3834": Kind.AUTO_REPLY,
    "lhost-amazonses-10": Kind.NOTE,  # a notification of a queue, with the bounce as JSON in its text
}


def read(file: Path) -> Message:
    return read_message([file.read_bytes()])


def messages(corpus: Path) -> list[Path]:
    files = [*sorted((corpus / "mime").glob("*.*")), *sorted((corpus / "bounces").glob("*.eml"))]
    assert files
    return files


def test_every_message_is_read_the_same_in_pieces_of_any_length(corpus: Path) -> None:
    for file in messages(corpus):
        data = file.read_bytes()
        message = read_message(data[at : at + 13] for at in range(0, len(data), 13))
        assert message == read_message([data]), file.name
        assert message.size == len(data), file.name


def test_bounces_are_known_as_bounces(corpus: Path) -> None:
    files = sorted((corpus / "bounces").glob("*.eml"))
    assert files
    wrong = {}
    for file in files:
        wanted = next((kind for name, kind in NOT_BOUNCES.items() if file.name.startswith(name)), Kind.BOUNCE)
        if (kind := read(file).kind) is not wanted:
            wrong[file.name] = kind
    # Bounces that say in no header what they are may be held back: some of a hundred may be missed.
    assert len(wrong) <= len(files) // 20, wrong


def file_names(part: email.message.Message) -> Iterator[str | None]:
    """Yield the names of a message's own files, without those in nested messages."""
    if part.is_multipart() and part.get_content_maintype() != "message":
        for inner in part.iter_parts():  # type: ignore[attr-defined]
            yield from file_names(inner)
    else:
        yield part.get_filename()


def test_well_formed_messages_have_the_files_that_the_library_finds(corpus: Path) -> None:
    for file in messages(corpus):
        made = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        if any(part.defects for part in made.walk()):
            continue
        names = [name for name in file_names(made) if name not in (None, "winmail.dat")]
        assert not set(names) - {one.name for one in read(file).attachments}, file.name


@pytest.mark.parametrize(
    ("name", "kind", "attachments", "text"),
    [
        ("delivery-status.txt", Kind.BOUNCE, ["attachment-1.txt", "unsubscribe.eml"], "err.nosuchuser"),
        (
            "disposition-notification.txt",
            Kind.RECEIPT,
            ["attachment-1.txt", "First draft of report.eml"],
            "has been displayed",
        ),
        ("feedback-report.txt", Kind.REPORT, ["attachment-1.txt", "Earn money.eml"], "email abuse report"),
        ("empty-multipart.txt", Kind.NOTE, [], "on the same level"),
        ("japanese.txt", Kind.NOTE, [], "日本語が\n正常に\n送れているか\nテスト"),
        ("missing-subtype.txt", Kind.NOTE, ["document.xml.gz"], None),
        ("multipart-digest.txt", Kind.NOTE, ["submsg.eml"], None),
        ("simple-embedded-message.eml", Kind.NOTE, ["embedded message.eml"], "This is the message body."),
        ("ukr.eml", Kind.NOTE, [], "шостий"),
    ],
)
def test_what_is_known_of_awkward_messages(
    corpus: Path, name: str, kind: Kind, attachments: list[str], text: str | None
) -> None:
    message = read(corpus / "mime" / name)
    assert message.kind is kind
    assert [one.safe_name for one in message.attachments] == attachments
    assert text is None or text in (message.text or "")


def test_what_is_in_a_winmail_is_found(corpus: Path) -> None:
    content = (corpus / "mime" / "winmail.tnef").read_bytes()
    message = read_message([b"Content-Type: application/ms-tnef\nContent-Transfer-Encoding: binary\n\n", content])
    assert [one.name for one in message.attachments] == (corpus / "mime" / "winmail.list").read_text("utf-8").split(
        "\n"
    )
    assert (read(corpus / "mime" / "ukr.eml").html or "").count("шостий") == 1
