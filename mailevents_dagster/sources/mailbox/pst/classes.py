"""Classes of items: which are mail. Pure."""

from __future__ import annotations

from typing import Final

OTHERS: Final = (
    "IPM.Activity",
    "IPM.Appointment",
    "IPM.Configuration",
    "IPM.Contact",
    "IPM.DistList",
    "IPM.Microsoft.ScheduleData",
    "IPM.OLE.CLASS",
    "IPM.StickyNote",
    "IPM.Task",
)
"""What Outlook keeps beside mail: entries of calendar and journal, contacts, tasks, notes; and each one's kinds."""


def is_mail(item_class: str) -> bool:
    """Return whether items of a class are mail; any class that is not known as something else is."""
    name = item_class.casefold()
    return not any(name == other.casefold() or name.startswith(f"{other.casefold()}.") for other in OTHERS)


def ends_in(item_class: str, *ends: str) -> bool:
    """Return whether a class is one of a report, such as `REPORT.IPM.Note.NDR`."""
    name = item_class.casefold()
    return name.startswith("report.") and name.rpartition(".")[2] in ends
