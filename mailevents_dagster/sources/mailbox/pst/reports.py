"""Reports of what became of a mail, as the parts that mail has for them (RFC 3464, RFC 8098)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from mailevents_dagster.sources.mailbox.pst.classes import ends_in
from mailevents_dagster.sources.mailbox.pst.headers import encoded
from mailevents_dagster.sources.mailbox.pst.library import PstError
from mailevents_dagster.sources.mailbox.pst.parts import Part
from mailevents_dagster.sources.mailbox.pst.properties import Properties, Tag

DELIVERY: Final = "delivery-status"
RECEIPT: Final = "disposition-notification"
_STATUS: Final = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_TYPES: Final = {"ndr": DELIVERY, "dr": DELIVERY, "ipnrn": RECEIPT, "ipnnrn": RECEIPT}


def report_type(item_class: str) -> str | None:
    """Return the type of report that items of a class are, None where they are none."""
    return next((type_ for end, type_ in _TYPES.items() if ends_in(item_class, end)), None)


def report_part(properties: Properties, type_: str, item_class: str) -> Part:
    """Return the part of a report that programs read."""
    fields = _delivery(properties, item_class) if type_ == DELIVERY else _receipt(properties, item_class)
    return Part(f"Content-Type: message/{type_}\r\n".encode(), ["".join(fields).encode("utf-8", "replace")])


def _delivery(properties: Properties, item_class: str) -> Iterator[str]:
    failed = ends_in(item_class, "ndr")
    yield "Reporting-MTA: dns; unknown\r\n"
    for one in _recipients(properties):
        address = one.first_text(Tag.SMTP_ADDRESS, Tag.ADDRESS)
        said = encoded(one.first_text(Tag.SUPPLEMENTARY_INFO, Tag.REPORT_TEXT))[:900]
        status = _STATUS.search(said)
        yield f"\r\nFinal-Recipient: rfc822; {encoded(address)}\r\n"
        yield f"Action: {'failed' if failed else 'delivered'}\r\n"
        yield f"Status: {status[1] if status else '5.0.0' if failed else '2.0.0'}\r\n"
        if said:
            yield f"Diagnostic-Code: smtp; {said}\r\n"


def _receipt(properties: Properties, item_class: str) -> Iterator[str]:
    read = ends_in(item_class, "ipnrn")
    address = properties.first_text(Tag.SENDER_SMTP_ADDRESS, Tag.SENDER_ADDRESS)
    yield f"Final-Recipient: rfc822; {encoded(address)}\r\n"
    yield f"Disposition: manual-action/MDN-sent-manually; {'displayed' if read else 'deleted'}\r\n"


def _recipients(properties: Properties) -> Iterator[Properties]:
    try:
        held = properties.item.recipients
        if held:
            with held as listed:
                for number in range(listed.sets):
                    yield Properties(listed, properties.codepage, number)
    except PstError:  # said where the people of the mail are read
        return
