"""Calls to Graph: the token goes to nobody else, what fails says what to do, and names no person."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import pytest

from mailevents_dagster.sources.mailbox.errors import BrokenOffError, Cause, MailboxError
from mailevents_dagster.sources.mailbox.graph.calls import ATTEMPTS, Calls
from mailevents_dagster.sources.mailbox.simulator import Fault, Simulator
from mailevents_dagster_tests.sources.mailbox.graph_mailbox import ADDRESS, calls_of, mail

LISTING = "messages?$top=10"


def failing(calls: Calls, path: str = LISTING) -> MailboxError:
    with pytest.raises(MailboxError) as caught:
        list(calls.pages(path, "a listing"))
    shown = "".join(traceback.format_exception(caught.value))
    assert ADDRESS not in str(caught.value)
    assert "Bearer" not in shown
    assert "simulator" not in str(caught.value)
    return caught.value


def bodies(*texts: str) -> list[Fault]:
    return [Fault(200, body=text.encode()) for text in texts]


@pytest.mark.usefixtures("no_waits")
@pytest.mark.parametrize(
    ("status", "code", "cause", "said"),
    [
        (401, "InvalidAuthenticationToken", Cause.PERMISSION, "the token is not accepted"),
        (403, "ErrorAccessDenied", Cause.PERMISSION, "permission Mail.Read"),
        (404, "ErrorInvalidUser", Cause.MAILBOX, "there is no such mailbox"),
        (404, "MailboxNotEnabledForRESTAPI", Cause.MAILBOX, "there is no such mailbox"),
        (400, "InefficientFilter", Cause.REQUEST, "does not know this request"),
        (302, "Found", Cause.REQUEST, "a redirect, which is not followed"),
        (500, "generalException", Cause.SERVER, "answered 500"),
        (204, "", Cause.PROTOCOL, "no answer to a question"),
    ],
)
def test_each_refusal_says_what_to_do(
    simulator: Simulator, calls: Calls, status: int, code: str, cause: Cause, said: str
) -> None:
    simulator.faults.add(
        "/messages", Fault(status, code=code or "x", headers={"Location": "https://elsewhere.example"}), None
    )
    error = failing(calls)
    assert error.cause is cause
    assert said in str(error)
    assert error.refuses_feed == (cause in (Cause.PERMISSION, Cause.MAILBOX))


@pytest.mark.usefixtures("no_waits")
def test_a_refusal_that_names_people_is_not_repeated(simulator: Simulator, calls: Calls) -> None:
    simulator.faults.add(
        "/messages", Fault(400, body=f'{{"error":{{"code":"{ADDRESS}","message":"{ADDRESS}"}}}}'.encode())
    )
    failing(calls)


def test_passing_failures_end_after_some_attempts(simulator: Simulator, calls: Calls, no_waits: None) -> None:
    simulator.faults.add("/messages", Fault(503), None)
    assert failing(calls).is_passing
    assert len([call for call in simulator.calls if call.kind == "messages"]) == ATTEMPTS


@pytest.mark.usefixtures("no_waits")
def test_a_token_that_is_refused_is_renewed_once(simulator: Simulator, calls: Calls) -> None:
    calls.json(LISTING, "a listing")
    simulator.authority.take_back()
    calls.json(LISTING, "a listing")
    assert simulator.authority.given == 2
    simulator.faults.add("/messages", Fault(401), None)
    assert failing(calls).cause is Cause.PERMISSION
    assert simulator.authority.given == 3


def test_one_token_serves_many_calls(simulator: Simulator, calls: Calls) -> None:
    for _ in range(5):
        calls.json(LISTING, "a listing")
    assert simulator.authority.given == 1


@pytest.mark.parametrize(
    "following",
    [
        "https://elsewhere.example/v1.0/next",
        "http://127.0.0.1:1/v1.0/next",
        "//elsewhere.example/next://",
        "http://127.0.0.1@elsewhere.example/v1.0",
    ],
)
def test_a_next_page_on_another_server_is_not_asked_for(simulator: Simulator, calls: Calls, following: str) -> None:
    simulator.faults.add("/messages", *bodies(f'{{"value": [], "@odata.nextLink": "{following}"}}'))
    assert failing(calls).cause is Cause.PROTOCOL
    assert simulator.count("messages") == 1


def test_pages_that_go_round_in_circles_end(simulator: Simulator, calls: Calls) -> None:
    link = f"{simulator.base_url}/users/{ADDRESS}/{LISTING}"
    simulator.faults.add("/messages", Fault(200, body=f'{{"value": [], "@odata.nextLink": "{link}"}}'.encode()), None)
    assert "was there before" in str(failing(calls))


@pytest.mark.usefixtures("no_waits")
@pytest.mark.parametrize(
    "body", ["", "<html>", "[]", "null", '{"value": 1}', "{" * 5000, "\ufeff{}", '{"value": null}']
)
def test_what_is_no_page_is_asked_for_again_and_then_said(simulator: Simulator, calls: Calls, body: str) -> None:
    simulator.faults.add("/messages", Fault(200, body=body.encode()), None)
    error = failing(calls)
    assert (error.cause, error.is_passing) == (Cause.PROTOCOL, True)


class Pieces:
    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes, /) -> None:
        self.data += data


def test_a_message_that_breaks_off_is_not_asked_for_again_into_the_same_sink(
    simulator: Simulator, calls: Calls
) -> None:
    one = mail(10, padding=400_000)
    simulator.mailbox(ADDRESS).add(one)
    simulator.faults.add("value$", Fault(cut=True))
    sink = Pieces()
    with pytest.raises(BrokenOffError):
        calls.stream(f"messages/{one.id}/$value", "a message", sink)
    assert sink.data


def test_a_full_disk_is_not_taken_for_a_failing_network(simulator: Simulator, calls: Calls) -> None:
    simulator.mailbox(ADDRESS).add(mail(10))

    class Full:
        def write(self, data: bytes, /) -> Any:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        calls.stream(f"messages/{mail(10).id}/$value", "a message", Full())


def test_a_long_pause_ends_the_collection_and_says_until_when(simulator: Simulator, calls: Calls) -> None:
    simulator.faults.add("/messages", Fault(429, headers={"Retry-After": "5000"}))
    error = failing(calls)
    assert error.cause is Cause.RATE
    assert error.until is not None


@pytest.mark.usefixtures("no_waits")
def test_a_server_that_is_not_there_is_named_as_that(simulator: Simulator, calls: Calls) -> None:
    calls.json(LISTING, "a listing")
    simulator.close()
    error = failing(calls)
    assert (error.cause, error.is_passing) == (Cause.REFUSED, True)


def test_no_password_of_the_host_is_sent_instead_of_the_token(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password wrong\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    calls = calls_of(simulator)
    calls.json(LISTING, "a listing")
    calls.close()


def test_every_call_asks_for_immutable_ids(simulator: Simulator, calls: Calls) -> None:
    simulator.mailbox(ADDRESS).add(mail(10))
    page = calls.json("messages?$select=id", "a listing")
    assert [row["id"] for row in page["value"]] == [mail(10).id]
