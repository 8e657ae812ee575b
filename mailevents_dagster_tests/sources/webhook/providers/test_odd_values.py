"""Whatever a provider writes into a field: its event is told or refused, and can be stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pyarrow as pa
import pytest

from mailevents_dagster.sources.webhook.providers import PROVIDERS
from mailevents_dagster.sources.webhook.providers.provider import RefusedError, Told
from mailevents_dagster.sources.webhook.rows import WEBHOOK_ROWS, record_of, webhook_event
from mailevents_dagster.sources.webhook.spool.frames import Posted
from mailevents_dagster_tests.sources.webhook.providers.test_sendgrid import EVENT
from mailevents_dagster_tests.sources.webhook.senders import NOW, mailgun_event, ses_bounce

ODD = (
    None,
    [],
    {},
    "",
    [None, {}],
    {"a": "\ud83d"},
    "\ud800",
    "a\0b",
    "٣",
    "nan",
    "1e400",
    10**400,
    -(10**20),
    1e308,
    True,
    "0001-01-01T00:00:00+14:00",
)
POSTMARK = {
    "RecordType": "Bounce",
    "ID": 4,
    "Type": "HardBounce",
    "MessageID": "m",
    "Details": "550 5.1.1 no",
    "Email": "ada@example.com",
    "BouncedAt": "2026-11-20T10:00:00.1234567Z",
    "Geo": {"IP": "192.0.2.1"},
    "Tag": "t",
    "Metadata": {"a": "b"},
}
EVENTS: dict[str, dict[str, Any]] = {
    "sendgrid": EVENT,
    "mailgun": {"event-data": mailgun_event("1", event="failed", severity="permanent", reason="bounce")},
    "postmark": POSTMARK,
    "ses": ses_bounce("ada@example.com"),
}


def places(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


def changed(event: dict[str, Any], path: tuple[Any, ...], odd: object) -> dict[str, Any]:
    copy: Any = deepcopy(event)
    within = copy
    for key in path[:-1]:
        within = within[key]
    within[path[-1]] = odd
    assert isinstance(copy, dict)
    return copy


def stored(told: Told) -> pa.Array:
    event = webhook_event(record_of(told, NOW, None, None, []))
    return WEBHOOK_ROWS.read(pa.array([event.raw.decode()]))


@pytest.mark.parametrize("provider", EVENTS)
def test_an_event_can_be_stored_whatever_one_of_its_fields_holds(provider: str) -> None:
    for path in places(EVENTS[provider]):
        for odd in ODD:
            event = changed(EVENTS[provider], path, odd)
            if provider == "ses":
                event = {"Type": "Notification", "MessageId": "1", "Message": json.dumps(event)}
            try:
                (told,) = PROVIDERS[provider].tell(Posted(NOW, "application/json", json.dumps(event).encode()))
            except RefusedError:
                continue
            assert len(stored(told)) == len(WEBHOOK_ROWS.columns)


@pytest.mark.parametrize("provider", ["sendgrid", "mailgun"])
@pytest.mark.parametrize("charset", ["utf-8", "idna", "unicode_escape", "base64", "utf-7", "none"])
def test_the_name_of_a_file_may_be_of_any_charset(provider: str, charset: str) -> None:
    body = (
        f"--B\r\nContent-Disposition: form-data; name=file; filename*={charset}''a%5cud800%ff.txt\r\n"
        f"Content-Type: Text/Plain; charset=x\r\n\r\nhi\r\n--B--\r\n"
    ).encode()
    (told,) = PROVIDERS[provider].tell(Posted(NOW, "multipart/form-data; boundary=B", body))
    (file,) = told.files
    assert (file.name.isprintable(), file.type, file.content) == (True, "text/plain", b"hi")
