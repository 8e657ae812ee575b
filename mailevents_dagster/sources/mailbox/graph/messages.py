"""Graph's JSON of a message: what of it is listed, and what its values mean. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from mailevents_dagster.sources.mailbox.reader import Held, Listed

SELECT: Final = ",".join(
    (
        "id,internetMessageId,subject,from,sender,toRecipients,ccRecipients",
        "receivedDateTime,sentDateTime,parentFolderId,conversationId,isDraft,isRead",
    )
)
SELECT_IDS: Final = "id,receivedDateTime,sentDateTime,isDraft"
Json = Mapping[str, Any]
_LAST_SECOND: Final = 253_402_300_799
"""Of the year 9999."""


def window(field: str, first: int, end: int) -> str:
    """Return the filter of a window of time, with its end left out."""
    return f"{field} ge {_stamp(first)} and {field} lt {_stamp(end)}"


def listed(row: Json, folder: str, *, is_sent: bool) -> Listed | None:
    """Return a mail as the listing has it; None for what is no mail: a draft, and what was neither received nor sent.

    Sent mail has the time at which it was sent.
    """
    held = held_of(row, is_sent=is_sent)
    if held.time is None:
        return None
    shown = {
        "message_id": row.get("internetMessageId"),
        "subject": row.get("subject"),
        "from": addresses([row.get("from")]),
        "sender": addresses([row.get("sender")]),
        "to": addresses(row.get("toRecipients")),
        "cc": addresses(row.get("ccRecipients")),
        "received": row.get("receivedDateTime"),
        "sent": row.get("sentDateTime"),
    }
    return Listed(
        held.id,
        held.time,
        folder,
        shown=shown,
        other_time=held.other_time,
        is_sent=is_sent,
        is_read=row.get("isRead") if isinstance(row.get("isRead"), bool) else None,
        conversation=str(row["conversationId"]) if row.get("conversationId") else None,
    )


def held_of(row: Json, *, is_sent: bool) -> Held:
    received, sent = time_of(row.get("receivedDateTime")), time_of(row.get("sentDateTime"))
    first, second = (sent, received) if is_sent else (received, sent)
    time = None if row.get("isDraft") is True else second if first is None else first
    return Held(str(row["id"]), time, other_time=second)


def addresses(recipients: object) -> list[list[str]]:
    """Return names and addresses; of null, or of what is no list of recipients, none."""
    found = []
    for recipient in recipients if isinstance(recipients, Sequence) else ():
        address = recipient.get("emailAddress") if isinstance(recipient, Mapping) else None
        if isinstance(address, Mapping):
            found.append([str(address.get("name") or ""), str(address.get("address") or "")])
    return found


def time_of(text: object) -> int | None:
    """Return the Unix second of a time of Graph, whose fractions are cut off; None where it is none.

    What has no time has the first moment of the year 1 in some answers.
    """
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    seconds = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() // 1)
    return seconds if 0 <= seconds <= _LAST_SECOND else None


def _stamp(time: int) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%dT%H:%M:%SZ}"
