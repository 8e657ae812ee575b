"""What a meeting request says beside its text, as far as a mail shows it: the form of RFC 5545 that mail uses."""

from __future__ import annotations

from typing import Final

from mailevents_dagster.sources.mailbox.pst.headers import CONTROLS
from mailevents_dagster.sources.mailbox.pst.parts import Part, text_part
from mailevents_dagster.sources.mailbox.pst.properties import Properties, Tag

MEETING: Final = "ipm.schedule.meeting."
METHODS: Final = {"request": "REQUEST", "canceled": "CANCEL", "resp": "REPLY", "notification": "PUBLISH"}


def calendar_part(properties: Properties, subject: str) -> Part | None:
    """Return the meeting of a mail that asks for one, answers or cancels it; None for any other mail."""
    name = properties.text(Tag.MESSAGE_CLASS).casefold()
    method = METHODS.get(name.removeprefix(MEETING).partition(".")[0]) if name.startswith(MEETING) else None
    if method is None:
        return None
    times = {"DTSTART": properties.time(Tag.START_DATE), "DTEND": properties.time(Tag.END_DATE)}
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//mailevents-dagster//PST//EN",
        f"METHOD:{method}",
        "BEGIN:VEVENT",
        f"SUMMARY:{_escaped(subject)}",
        *(f"{key}:{time:%Y%m%dT%H%M%SZ}" for key, time in times.items() if time),
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
    return text_part("text/calendar", "\r\n".join(lines).encode("utf-8", "replace"), "utf-8", f"; method={method}")


def _escaped(text: str) -> str:
    clean = CONTROLS.sub(" ", text).replace("\\", "\\\\")
    return clean.replace(";", "\\;").replace(",", "\\,")
