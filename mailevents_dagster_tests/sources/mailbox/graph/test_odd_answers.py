"""Answers of Graph that are not as they are documented: what can be read is, and the rest is said."""

from __future__ import annotations

import json

import pytest

from mailevents_dagster.sources.mailbox.errors import Cause, MailboxError
from mailevents_dagster.sources.mailbox.graph.answers import is_same_server
from mailevents_dagster.sources.mailbox.graph.calls import Calls
from mailevents_dagster.sources.mailbox.graph.messages import time_of
from mailevents_dagster.sources.mailbox.simulator import Fault, Simulator
from mailevents_dagster_tests.sources.mailbox.graph_mailbox import ADDRESS, NOON, Place, mail

LISTING = "messages?$top=10"


def answer(**content: object) -> Fault:
    return Fault(200, body=json.dumps(content).encode())


@pytest.mark.parametrize(
    "link", ["messages?$skip=1", "?$skip=1", f"/v1.0/users/{ADDRESS}/messages?$skip=1"], ids=["path", "query", "root"]
)
def test_a_next_page_may_be_named_without_its_server(simulator: Simulator, calls: Calls, link: str) -> None:
    simulator.mailbox(ADDRESS).add(mail(10), mail(20))
    simulator.faults.add("/messages", answer(value=[], **{"@odata.nextLink": link}))
    first, second = calls.pages(LISTING, "a listing")
    assert (first["value"], [row["id"] for row in second["value"]]) == ([], [mail(10).id])


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        ("https://graph.example/v1.0/x", True),
        ("https://GRAPH.example:443/v1.0/x", True),
        ("https://graph.example:444/", False),
        ("http://graph.example/", False),
        ("https://graph.example.evil.example/", False),
        ("https://graph.example@evil.example/", False),
        ("https://somebody@graph.example/", False),
        ("https://graph.example\\@evil.example/", False),
        ("https://graph.example:x/", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_the_same_server_may_be_written_in_other_ways(other: str, *, is_same: bool) -> None:
    assert is_same_server("https://graph.example/v1.0", other) is is_same


@pytest.mark.usefixtures("no_waits")
def test_an_error_that_is_called_a_success_is_passing_and_no_message(simulator: Simulator, calls: Calls) -> None:
    simulator.faults.add("/messages", answer(error={"code": "ErrorServerBusy", "message": ADDRESS}), None)
    with pytest.raises(MailboxError) as caught:
        calls.json("messages/1", "a message as JSON")
    assert (caught.value.cause, caught.value.is_passing) == (Cause.PROTOCOL, True)
    assert "answered 200 with an error in it, ErrorServerBusy" in str(caught.value)
    assert ADDRESS not in str(caught.value)


@pytest.mark.usefixtures("no_waits")
def test_an_error_is_never_kept_as_a_mail(here: Place) -> None:
    here.mailbox.add(mail(10))
    here.simulator.faults.add("value$", answer(error={"code": "ErrorServerBusy"}))
    here.collect()
    (row,) = here.rows()
    assert (row["source"], row["subject"]) == ("mime", mail(10).subject)


@pytest.mark.usefixtures("no_waits")
@pytest.mark.parametrize("status", [429, 503, 504])
def test_who_is_told_to_wait_and_not_how_long_asks_again(here: Place, status: int) -> None:
    here.mailbox.add(mail(10))
    here.simulator.faults.add("messages", Fault(status))
    here.collect()
    assert here.ids() == [mail(10).id]


@pytest.mark.usefixtures("no_waits")
def test_a_token_that_ends_between_two_pages_is_renewed(simulator: Simulator, calls: Calls) -> None:
    simulator.mailbox(ADDRESS).add(*(mail(after) for after in range(5)))
    found = []
    for page in calls.pages("messages?$top=2", "a listing"):
        found += page["value"]
        simulator.authority.take_back()
    assert len(found) == 5


def test_half_a_character_in_a_listing_is_replaced(here: Place) -> None:
    listed = {
        "id": mail(10).id,
        "receivedDateTime": "2026-11-20T12:00:10Z",
        "subject": "half \ud83d",
        "toRecipients": None,
    }
    here.simulator.faults.add("/messages", answer(value=[listed], **{"@odata.count": [1]}))
    here.simulator.faults.add("value$|messages/", Fault(404, "ErrorItemNotFound"), None)
    here.collect()
    (row,) = here.rows()
    assert (row["subject"], row["blob"]) == ("half \ufffd", None)


def test_folders_that_do_not_say_whether_they_have_others_are_asked(here: Place) -> None:
    here.simulator.faults.add("mailFolders$", answer(value=[{"id": "F1", "displayName": "Inbox"}]))
    here.simulator.faults.add(
        "childFolders", answer(value=[{"id": "F2", "displayName": "2026", "childFolderCount": 0}])
    )
    assert [folder.folder for folder in here.reader.ids()] == ["Inbox", "Inbox/2026"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-20T12:00:10Z", NOON.start + 10),
        ("2026-11-20T12:00:10.9999999Z", NOON.start + 10),
        ("2026-11-20T15:00:10.5+03:00", NOON.start + 10),
        ("2026-11-20T12:00:10", NOON.start + 10),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("", None),
        (0, None),
    ],
)
def test_times_are_read_as_they_come(text: object, seconds: int | None) -> None:
    assert time_of(text) == seconds
