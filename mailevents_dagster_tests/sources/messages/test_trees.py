"""Messages of any shape, made and read by Python's own library, and read here."""

from __future__ import annotations

import email
import email.message
import email.policy
from email.message import EmailMessage

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailevents_dagster.sources.messages.message import Message
from mailevents_dagster.sources.messages.reading import read_message
from mailevents_dagster_tests.sources.messages.messages_made import Kept, in_pieces, sha256

pytestmark = pytest.mark.slow

NAMES = st.text(
    st.characters(blacklist_categories=("Cs", "Cc", "Cf", "Co", "Cn", "Zl", "Zp", "Zs"), max_codepoint=0xFFFF),
    min_size=1,
    max_size=30,
)
TEXTS = st.text(st.characters(blacklist_categories=("Cs", "Cc"), max_codepoint=0x1FFFF) | st.just("\n"), max_size=300)
ENCODINGS = st.sampled_from(["base64", "quoted-printable"])


@st.composite
def leaves(draw: st.DrawFn) -> EmailMessage:
    """A body, a file, or a message."""
    part = EmailMessage(email.policy.SMTP.clone(max_line_length=draw(st.sampled_from([78, 200]))))
    kind = draw(st.sampled_from(["text", "html", "file", "file", "message"]))
    if kind in ("text", "html"):
        part.set_content(draw(TEXTS), "plain" if kind == "text" else "html", cte=draw(ENCODINGS))
    elif kind == "file":
        part.set_content(
            draw(st.binary(max_size=400)),
            *draw(st.sampled_from([("application", "pdf"), ("image", "png"), ("audio", "x-none")])),
            cte=draw(ENCODINGS),
            disposition=draw(st.sampled_from(["attachment", "inline"])),
            filename=draw(NAMES),
        )
    else:
        nested = EmailMessage(email.policy.SMTP)
        nested["Subject"] = draw(NAMES)
        nested.set_content(draw(TEXTS), cte="base64")
        part.set_content(nested)
        del part["content-disposition"]
    return part


@st.composite
def multiparts(draw: st.DrawFn, inner: st.SearchStrategy[EmailMessage]) -> EmailMessage:
    part = EmailMessage(email.policy.SMTP)
    part["Content-Type"] = f"multipart/{draw(st.sampled_from(['mixed', 'alternative', 'related', 'x-other']))}"
    part.set_payload(draw(st.lists(inner, min_size=1, max_size=4)))
    part.preamble = draw(st.sampled_from([None, "This is a message in MIME.\n"]))
    part.epilogue = draw(st.sampled_from([None, "", "something behind it\n"]))
    return part


TREES = st.recursive(leaves(), multiparts, max_leaves=12)


def attachments_by_the_library(data: bytes) -> list[tuple[str | None, str, bool, str]]:
    found = []
    waiting: list[email.message.Message] = [email.message_from_bytes(data, policy=email.policy.SMTP)]
    while waiting:
        part = waiting.pop(0)
        if part.get_content_maintype() == "multipart":
            waiting = [*part.get_payload(), *waiting]  # type: ignore[misc, list-item]
        elif part.get_content_type() == "message/rfc822":
            continue
        elif part.get_filename() is not None:
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            is_inline = part.get_content_disposition() == "inline"
            found.append((part.get_filename(), part.get_content_type(), is_inline, sha256(content)))
    return found


@given(TREES, st.integers(1, 5_000))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_what_the_library_finds_is_found(tree: EmailMessage, length: int) -> None:
    data = tree.as_bytes()
    sinks: list[Kept] = []

    def keep(head: object) -> Kept:
        sinks.append(Kept(head))  # type: ignore[arg-type]
        return sinks[-1]

    message = read_message(in_pieces(data, length), keep)
    found = [
        (one.name, one.type, one.inline, one.sha256) for one in message.attachments if one.type != "message/rfc822"
    ]
    assert found == attachments_by_the_library(data)
    assert [sha256(sink.data) for sink in sinks] == [one.sha256 for one in message.attachments]
    assert all(sink.is_closed for sink in sinks)
    assert not message.faults
    assert message.size == len(data)


@given(TREES)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_texts_are_those_of_the_library(tree: EmailMessage) -> None:
    texts: dict[str, list[str]] = {"text/plain": [], "text/html": []}
    for part in tree.walk():
        is_nested = any(part in message.walk() for message in nested_in(tree))
        if part.get_content_type() in texts and not is_nested:
            texts[part.get_content_type()].append(part.get_content().replace("\r\n", "\n"))
    message = read_message([tree.as_bytes()])
    assert (message.text or "").rstrip("\n") == "\n".join(texts["text/plain"]).rstrip("\n")
    assert (message.html or "").rstrip("\n") == "\n".join(texts["text/html"]).rstrip("\n")


def nested_in(tree: EmailMessage) -> list[EmailMessage]:
    return [part.get_payload(0) for part in tree.walk() if part.get_content_type() == "message/rfc822"]  # type: ignore[misc]


@given(TREES, st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_a_damaged_message_is_read_as_far_as_it_can_be(tree: EmailMessage, draw: st.DataObject) -> None:
    data = bytearray(tree.as_bytes())
    for _ in range(draw.draw(st.integers(1, 5))):
        at = draw.draw(st.integers(0, max(0, len(data) - 1)))
        data[at : at + draw.draw(st.integers(0, 20))] = draw.draw(st.binary(max_size=20))
    whole = read_message([bytes(data)])
    assert isinstance(whole, Message)
    assert read_message(in_pieces(bytes(data), draw.draw(st.integers(1, 100)))) == whole
