"""Who a mail is from and who it is to, by its properties."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from mailevents_dagster.sources.mailbox.pst.library import Item, PstError
from mailevents_dagster.sources.mailbox.pst.properties import Properties, Tag

Person = tuple[str, str]
"""A name and an address."""
FIELDS: Final = {1: "To", 2: "Cc", 3: "Bcc"}
"""The header field of each kind of recipient."""
KIND: Final = 0x0F
"""The bits of a recipient's type that say its kind; others say what became of it."""


@dataclass(frozen=True, slots=True)
class People:
    """Senders and recipients."""

    seeming: Person
    """Whom the mail is from."""
    sending: Person
    """Who sent it; empty where that is the same."""
    recipients: dict[str, list[Person]] = field(default_factory=dict)
    """By the header field that they stand in."""


def people_of(properties: Properties, fault: Callable[[str], object]) -> People:
    """Return the people of a mail; what of them cannot be read is told to `fault`."""
    seeming = _person(
        properties,
        Tag.SENT_REPRESENTING_NAME,
        Tag.SENT_REPRESENTING_SMTP_ADDRESS,
        Tag.SENT_REPRESENTING_ADDRESS_TYPE,
        Tag.SENT_REPRESENTING_ADDRESS,
    )
    sending = _person(properties, Tag.SENDER_NAME, Tag.SENDER_SMTP_ADDRESS, Tag.SENDER_ADDRESS_TYPE, Tag.SENDER_ADDRESS)
    recipients: dict[str, list[Person]] = {}
    try:
        if held := properties.item.recipients:
            with held as listed:
                recipients = _recipients(listed, properties.codepage)
    except PstError as error:
        fault(f"its recipients cannot be read whole: {error}")
    if not any(seeming):
        return People(sending, ("", ""), recipients)
    return People(seeming, ("", "") if sending == seeming else sending, recipients)


def _recipients(listed: Item, codepage: int) -> dict[str, list[Person]]:
    found: dict[str, list[Person]] = {}
    for number in range(listed.sets):
        one = Properties(listed, codepage, number)
        name = FIELDS.get(one.number(Tag.RECIPIENT_TYPE) & KIND)
        if name:
            person = _person(one, Tag.DISPLAY_NAME, Tag.SMTP_ADDRESS, Tag.ADDRESS_TYPE, Tag.ADDRESS)
            found.setdefault(name, []).append(person)
    return found


def _person(properties: Properties, name: Tag, smtp: Tag, address_type: Tag, address: Tag) -> Person:
    """Return a name and an address. One of Exchange's own directory is no address of a mail, and is left out."""
    shown, found = properties.text(name), properties.text(smtp)
    if not found and properties.text(address_type).upper() != "EX":
        found = properties.text(address)
    if not found and "@" in shown and " " not in shown.strip():
        found = shown
    return shown.strip().strip("'"), found.strip()
