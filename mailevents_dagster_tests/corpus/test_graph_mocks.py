"""The documented requests and answers of Graph: the simulator answers as they do, and the reader understands them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import pytest

from mailevents_dagster.sources.mailbox.graph.calls import Calls
from mailevents_dagster.sources.mailbox.graph.folders import Folders
from mailevents_dagster.sources.mailbox.graph.headers import header_text, headers_of
from mailevents_dagster.sources.mailbox.graph.messages import listed
from mailevents_dagster.sources.mailbox.simulator import Fault, Simulator
from mailevents_dagster.sources.mailbox.simulator.json_views import folder_id
from mailevents_dagster_tests.sources.mailbox.graph_mailbox import ADDRESS, NOW, calls_of, mail, quiet

pytestmark = pytest.mark.corpus

ROOT: Final = "https://graph.microsoft.com/v1.0/me/"
NOT_READ: Final = re.compile(
    r"extensions|singleValueExtended|eventMessage|/delta|messageRules|itemattachment", re.IGNORECASE
)
"""Documented requests that collecting makes no use of."""
Json = dict[str, Any]


def documented(corpus: Path) -> Iterator[tuple[str, Any]]:
    """Yield the requests that read mail, less what stands before all of them, with their answers."""
    for mock in json.loads((corpus / "graph" / "mail-mocks.json").read_text("utf-8"))["mocks"]:
        url = mock["request"]["url"]
        if mock["request"]["method"] == "GET" and not NOT_READ.search(url):
            yield url.removeprefix(ROOT), mock["response"].get("body")


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(quiet(), now=lambda: NOW) as made:
        made.mailbox(ADDRESS).add(mail(10, form="attached"), mail(20))
        yield made


@pytest.fixture
def calls(simulator: Simulator) -> Iterator[Calls]:
    made = calls_of(simulator)
    yield made
    made.close()


def asked(request: str) -> str:
    """Return a documented request as it is made of the simulated mailbox: * are ids."""
    path, _, query = unquote(request).partition("?")
    one = mail(10, form="attached").id
    path = re.sub(r"mailFolders/\*", f"mailFolders/{folder_id('Inbox')}", path)
    path = re.sub(r"messages/\*", f"messages/{one}", path)
    path = re.sub(r"attachments/\*", f"attachments/{one}AAAB0=", path)
    pairs = [(name.replace("includehidden", "includeHidden"), value) for name, value in parse_qsl(query)]
    shown = "&".join(f"{name}={'true' if value == '*' else quote(value)}" for name, value in pairs)
    return f"{path.rstrip('/')}?{shown}"


def fields(answer: Any) -> Json:
    """Return the fields of an answer, or those of the first of a list."""
    rows = answer.get("value") if isinstance(answer, Mapping) else None
    found: Json = rows[0] if isinstance(rows, list) and rows else answer
    return found


def kinds(row: Mapping[str, Any]) -> dict[str, type]:
    return {name: type(value) for name, value in row.items() if value is not None and not name.startswith("@")}


def test_the_simulator_answers_each_documented_request_with_the_documented_fields(corpus: Path, calls: Calls) -> None:
    requests = [(request, body) for request, body in documented(corpus) if "$value" not in request]
    assert len(requests) >= 10
    for request, body in requests:
        own = kinds(fields(calls.json(asked(request), "a documented request")))
        theirs = kinds(fields(body))
        assert {name: kind for name, kind in own.items() if name in theirs} == {
            name: theirs[name] for name in own if name in theirs
        }, request
        if "$select" in request:
            assert own.keys() <= {*theirs, "id"}, request


def test_the_simulator_gives_a_raw_message_as_documented(corpus: Path, simulator: Simulator, calls: Calls) -> None:
    [(request, body)] = [(request, body) for request, body in documented(corpus) if "$value" in request]

    class Pieces(list[bytes]):
        def write(self, data: bytes, /) -> None:
            self.append(data)

    pieces = Pieces()
    calls.stream(asked(request).rstrip("?"), "a message", pieces)
    for raw in (b"".join(pieces), str(body).encode()):
        assert re.match(rb"[A-Za-z-]+: ", raw)


def test_each_documented_message_is_understood(corpus: Path) -> None:
    found = 0
    for _, body in documented(corpus):
        for row in body.get("value", [body]) if isinstance(body, Mapping) else ():
            if not isinstance(row, Mapping) or "receivedDateTime" not in row or "id" not in row:
                continue
            found += 1
            one = listed(row, "Inbox", is_sent=False)
            assert (one is None) == (row.get("isDraft") is True)
            text = header_text(headers_of(row))
            assert text.count(b"\r\n\r\n") == 1
            assert row["subject"].encode() in text
    assert found


def test_documented_headers_of_a_message_are_kept(corpus: Path) -> None:
    [body] = [body for request, body in documented(corpus) if "internetMessageHeaders" in request]
    headers = body["internetMessageHeaders"]
    kept = dict(headers_of(body))
    assert headers
    for header in headers:
        if not header["name"].lower().startswith(("content-", "mime-version")):
            assert header["name"] in kept


def test_documented_folders_are_read(corpus: Path, simulator: Simulator, calls: Calls) -> None:
    [body] = [body for request, body in documented(corpus) if request == "mailFolders"]
    simulator.faults.add("/mailFolders$", Fault(200, body=json.dumps({**body, "@odata.nextLink": None}).encode()), None)
    simulator.faults.add("/childFolders$", Fault(200, body=b'{"value": []}'), None)
    found = Folders(calls).all()
    rows = [row for row in body["value"] if "SearchFolder" not in row.get("@odata.type", "")]
    assert len(rows) < len(body["value"]), "one shows mails of others only"
    assert [folder.path for folder in found] == [row["displayName"] for row in rows]
    assert [folder.total for folder in found] == [row["totalItemCount"] for row in rows]


def test_the_pages_that_are_documented_lie_on_the_documented_server(corpus: Path) -> None:
    text = (corpus / "graph" / "mail-mocks.json").read_text("utf-8")
    links = re.findall(r'"@odata.nextLink": "([^"]+)"', text)
    assert all(urlsplit(link).netloc == "graph.microsoft.com" for link in links)
