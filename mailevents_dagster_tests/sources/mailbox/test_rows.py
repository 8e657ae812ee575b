"""Messages as records, and back."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from mailevents_dagster.files.json_text import NotJsonError, one_line, parse
from mailevents_dagster.model.event import Detail
from mailevents_dagster.sources.mailbox.columns import COLUMNS
from mailevents_dagster.sources.mailbox.rows import MESSAGE_ROWS, message_event, row_of
from mailevents_dagster.sources.messages.message import Address, Attachment, Kind, Message

LISTING = bytes(range(16))
MESSAGE = Message(
    size=7,
    kind=Kind.BOUNCE,
    message_id="a@b",
    sent=1_700_000_000,
    from_=Address("Ayşe", "ayse@example.com"),
    to=(Address("", "x@example.com"), Address("홍길동", "y@example.com")),
    subject="İyi günler",
    headers=(("Subject", "İyi günler"),),
    text="text",
    html="<p>text",
    attachments=(Attachment("a.pdf", "a.pdf", "application/pdf", False, None, 3, "ab" * 32),),
)


def row(**changes: object) -> dict[str, object]:
    facts = {"id": "AAMk=", "folder": "Inbox/Posta", "received": 1_700_000_060, "blob": "cd" * 32, "size": 7}
    return row_of(MESSAGE, listing=LISTING, **(facts | changes))  # type: ignore[arg-type]


def columns(record: dict[str, object]) -> dict[str, object]:
    arrays = MESSAGE_ROWS.read(pa.array([one_line(record).decode()]))
    return {column.name: array[0].as_py() for column, array in zip(COLUMNS, arrays, strict=True)}


def test_the_columns_that_others_rely_on_come_first_and_in_their_order() -> None:
    assert [column.name for column in COLUMNS][:11] == [
        "id",
        "message_id",
        "subject",
        "from_address",
        "sender_address",
        "to_recipients",
        "cc_recipients",
        "folder",
        "size",
        "attachments",
        "blob",
    ]
    assert [field.name for field in COLUMNS[9].type.value_type][:4] == ["name", "size", "sha256", "inline"]


def test_a_record_says_what_the_message_says_in_its_columns() -> None:
    shown = columns(row(read=True))
    assert shown["from_address"] == shown["sender_address"] == "ayse@example.com"
    assert shown["to_recipients"] == [
        {"name": "", "address": "x@example.com"},
        {"name": "홍길동", "address": "y@example.com"},
    ]
    assert shown["sent"] == datetime.fromtimestamp(1_700_000_000, UTC)
    assert shown["attachments"][0]["sha256"] == "ab" * 32  # type: ignore[index]
    assert (shown["kind"], shown["read"], shown["folder"]) == ("bounce", True, "Inbox/Posta")


def test_columns_made_of_fields_are_those_made_of_the_text() -> None:
    event = message_event(row())
    assert event.fields is not None
    assert [array.to_pylist() for array in MESSAGE_ROWS.read(pa.array([event.raw.decode()]))] == [
        array.to_pylist()
        for array in MESSAGE_ROWS.arrays([event.fields])  # type: ignore[misc]
    ]


def test_an_event_comes_back_from_its_record_as_it_was() -> None:
    event = message_event(row())
    assert MESSAGE_ROWS.event_of(event.raw, 0) == event
    assert (event.time, event.listing, event.detail) == (1_700_000_060, LISTING, Detail.WHOLE)


def test_sent_mail_has_its_place_where_it_was_sent() -> None:
    assert message_event(row(time=1_700_000_000)).time == 1_700_000_000


def test_a_message_is_known_again_by_its_id_wherever_it_was_moved() -> None:
    assert message_event(row()).identity == message_event(row(folder="Archive", received=5)).identity
    assert message_event(row()).identity != message_event(row(id="other")).identity


def test_a_message_without_its_content_is_owed() -> None:
    event = message_event(row(blob=None))
    assert event.detail is Detail.MISSING
    assert MESSAGE_ROWS.event_of(event.raw, 0) == event


def test_bodies_are_kept_unless_they_are_switched_off() -> None:
    assert row()["html"] == "<p>text"
    assert not {"text", "html"} & row(bodies=False).keys()


def test_a_sender_who_is_not_named_is_nobody() -> None:
    record = row_of(Message(), id="x", folder="", received=0, blob=None, size=0, listing=LISTING)
    assert record["from_address"] is record["sender_name"] is None


@pytest.mark.parametrize("raw", [b"[]", b"{}", b'{"id": "x"}', b"nonsense", b""])
def test_what_is_no_record_of_a_message_is_refused(raw: bytes) -> None:
    with pytest.raises(NotJsonError):
        MESSAGE_ROWS.event_of(raw, 0)


def test_rubbish_among_records_has_empty_columns() -> None:
    assert set(columns({"nonsense": 1}).values()) == {None}
    assert [array.to_pylist() for array in MESSAGE_ROWS.read(pa.array(["[]"]))] == [[None]] * len(COLUMNS)


def test_the_keys_of_a_record_stand_in_a_fixed_order() -> None:
    record = parse(one_line(row()))
    assert isinstance(record, dict)
    assert list(record) == list(row_of(Message(), id="", folder="", received=0, blob=None, size=0, listing=LISTING))
