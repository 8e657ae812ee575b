"""What the simulated Graph answers: listings by pages, messages, attachments, folders."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

from mailevents_dagster.sources.mailbox.graph.messages import time_of
from mailevents_dagster.sources.mailbox.simulator.answers import Answer, Request, as_json, error
from mailevents_dagster.sources.mailbox.simulator.json_views import (
    Attached,
    Json,
    attachments,
    folder_id,
    folder_json,
    message_json,
    selected,
    shown_id,
    whole_json,
)
from mailevents_dagster.sources.mailbox.simulator.mailbox import (
    FOLDERS,
    HIDDEN,
    WELL_KNOWN,
    Placed,
    SimulatedMailbox,
)
from mailevents_dagster.sources.mailbox.simulator.raw import raw_message

ROOT: Final = "/v1.0/users/"
_WINDOW: Final = re.compile(r"(receivedDateTime|sentDateTime) ge (\S+) and (?:\1) lt (\S+)")
_NOT_FOUND: Final = error(404, "ErrorItemNotFound", "The specified object was not found in the store.")
_BAD_REQUEST: Final = error(400, "BadRequest", "The query is not understood.")


def answer(request: Request, mailbox: SimulatedMailbox, rest: str, base_url: str) -> Answer:
    """Return the answer to a GET of what is in a mailbox; `rest` is the path behind its address."""
    url = f"{base_url}{ROOT}{quote(mailbox.address, safe='@')}/{quote(rest)}"
    match rest.rstrip("/").split("/"):
        case ["messages"]:
            return _messages(request, mailbox, url, None)
        case ["messages", id_, *more]:
            placed = _find(request, mailbox, id_)
            return _message(request, placed, more, url) if placed else _NOT_FOUND
        case ["mailFolders"]:
            return _folders(request, mailbox, url, "")
        case ["mailFolders", id_, *more]:
            folder = _folder(id_)
            return _in_folder(request, mailbox, url, folder, more) if folder else _NOT_FOUND
    return _BAD_REQUEST


def _in_folder(request: Request, mailbox: SimulatedMailbox, url: str, folder: str, more: Sequence[str]) -> Answer:
    match more:
        case []:
            return as_json(selected(_folder_json(mailbox, folder), request.query.get("$select")))
        case ["messages"]:
            return _messages(request, mailbox, url, folder)
        case ["childFolders"]:
            return _folders(request, mailbox, url, f"{folder}/")
    return _BAD_REQUEST


def _messages(request: Request, mailbox: SimulatedMailbox, url: str, folder: str | None) -> Answer:
    field = "receivedDateTime"
    if written := request.query.get("$filter"):
        window = _WINDOW.fullmatch(written)
        first, end = (time_of(window[2]), time_of(window[3])) if window else (None, None)
        if window is None or first is None or end is None:
            return error(400, "ErrorInvalidUrlQueryFilter", "The filter is not understood.")
        field = window[1]
        found = [placed for placed in mailbox.between(first, end) if first <= _time(placed, field) < end]
    else:
        found = mailbox.all()
    order = request.query.get("$orderby", "receivedDateTime desc").split()
    if order[0] != field and written and "$orderby" in request.query:
        return error(400, "InefficientFilter", "The restriction or sort order is too complex for this operation.")
    found = [placed for placed in found if folder is None or placed.folder == folder]
    found.sort(key=lambda placed: (_time(placed, order[0]), placed.mail.id), reverse=order[-1] == "desc")
    return _page(
        request, url, found, lambda placed: message_json(placed, immutable=request.immutable), most=1000, usual=10
    )


def _time(placed: Placed, field: str) -> int:
    return placed.mail.sent if field == "sentDateTime" else placed.mail.received


def _page(
    request: Request, url: str, items: Sequence[Any], row: Callable[[Any], Json], most: int, usual: int
) -> Answer:
    """Return one page, and the address of the next one where there is more."""
    try:
        top, skip = int(request.query.get("$top", usual)), int(request.query.get("$skip", 0))
    except ValueError:
        return _BAD_REQUEST
    if not 1 <= top <= most:
        return error(400, "ErrorInvalidUrlQuery", f"The query $top must be between 1 and {most}.")
    body: Json = {"@odata.context": f"{url}/$metadata"}
    if request.query.get("$count") == "true":
        body["@odata.count"] = len(items)
    body["value"] = [selected(row(item), request.query.get("$select")) for item in items[skip : skip + top]]
    if skip + top < len(items):
        body["@odata.nextLink"] = f"{url}?{urlencode({**request.query, '$skip': skip + top}, quote_via=quote)}"
    return as_json(body)


def _find(request: Request, mailbox: SimulatedMailbox, id_: str) -> Placed | None:
    if request.immutable:
        return mailbox.find(id_)
    return next((placed for placed in mailbox.all() if shown_id(placed, immutable=False) == id_), None)


def _message(request: Request, placed: Placed, more: Sequence[str], url: str) -> Answer:
    match more:
        case []:
            return as_json(selected(whole_json(placed, immutable=request.immutable), request.query.get("$select")))
        case ["$value"]:
            if placed.mail.refused:
                return error(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
            return Answer(body=raw_message(placed.mail), type="text/plain")
        case ["attachments"]:
            return _page(request, url, [*attachments(placed)], lambda one: dict(one.json), most=100, usual=100)
        case ["attachments", id_, *rest]:
            found = next((one for one in attachments(placed) if one.id == id_), None)
            return _attachment(request, found, rest) if found else _NOT_FOUND
    return _BAD_REQUEST


def _attachment(request: Request, found: Attached, rest: Sequence[str]) -> Answer:
    match rest:
        case []:
            return as_json(selected(found.json, request.query.get("$select")))
        case ["$value"]:
            return Answer(body=found.content, type=found.type)
    return _BAD_REQUEST


def _folders(request: Request, mailbox: SimulatedMailbox, url: str, above: str) -> Answer:
    hidden = request.query.get("includeHiddenFolders", "").lower() == "true"
    here = [path for path in FOLDERS if path.startswith(above) and "/" not in path[len(above) :]]
    shown = [path for path in here if hidden or path not in HIDDEN]
    totals = mailbox.totals()
    return _page(request, url, shown, lambda path: _folder_json(mailbox, path, totals), most=1000, usual=10)


def _folder_json(mailbox: SimulatedMailbox, path: str, totals: Mapping[str, int] | None = None) -> Json:
    children = sum(1 for other in FOLDERS if other.rpartition("/")[0] == path)
    total = (mailbox.totals() if totals is None else totals).get(path, 0)
    return folder_json(path, children, total, hidden=path in HIDDEN)


def _folder(id_: str) -> str | None:
    name = WELL_KNOWN.get(id_.lower())
    return name or next((path for path in FOLDERS if folder_id(path) == id_), None)
