"""Microsoft's SNDS: what Outlook.com saw of sending addresses, as its CSV."""

from __future__ import annotations

import csv
import ipaddress
import os
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

import requests

from mailevents_dagster.deliverability.complaints.asking import TIMEOUTS, UnaskedError, ask
from mailevents_dagster.deliverability.complaints.rows import SNDS, SNDS_STATUS, Row, rate
from mailevents_dagster.sources.network import Names
from mailevents_dagster.sources.outcomes.settings.reports import MicrosoftSettings

DAYS: Final = 2
"""Days up to the one that is made: Microsoft tells of a day when it is over on the other side of the world."""
FIELDS: Final = (
    "ip",
    "activity_start",
    "activity_end",
    "rcpt_commands",
    "data_commands",
    "message_recipients",
    "filter_result",
    "complaint_rate",
    "trap_period_start",
    "trap_period_end",
    "trap_hits",
)
"""What stands in a line, in this order; samples of HELO and MAIL FROM and remarks follow."""
STATUS_FIELDS: Final = ("first", "last", "blocked", "details")
COLOURS: Final = {"GREEN": 0.0, "YELLOW": 1.0, "RED": 2.0}
_NAMES: Final = Names("deliverability[].reports.microsoft", f"{TIMEOUTS[1]:.0f} s", "Microsoft's SNDS")
_SAYS: Final = {
    400: "The key is not taken. Take it from SNDS, Automated Data Access",
    401: "The key is not taken. Take it from SNDS, Automated Data Access",
    403: "The key is not taken. Take it from SNDS, Automated Data Access",
    404: "There is nothing at this address. Check base_url",
}
_RATE: Final = re.compile(r"\s*(?:<|&lt;)?\s*(\d{1,3}(?:\.\d{1,6})?)\s*%\s*")
_COUNTED: Final = ("message_recipients", "trap_hits")


def snds_rates(settings: MicrosoftSettings, last: date) -> Iterator[Row]:
    """Yield what SNDS tells of the last days, and which addresses are blocked now; or raise an UnaskedError."""
    key = os.environ.get(settings.key_variable, "").strip()
    with requests.Session() as session:
        for day in (last - timedelta(days=ago) for ago in reversed(range(DAYS))):
            url = f"{settings.base_url}/data.aspx"
            for line in _lines(session, url, {"key": key, "date": day.strftime("%m%d%y")}, FIELDS):
                yield from _of_address(day, line)
        for line in _lines(session, f"{settings.base_url}/ipStatus.aspx", {"key": key}, STATUS_FIELDS):
            is_blocked = line["blocked"].strip().lower() in ("yes", "true")
            addresses = line["first"] if line["first"] == line["last"] else f"{line['first']}-{line['last']}"
            yield rate(SNDS_STATUS, last, "blocked", float(is_blocked), source_ip=addresses, text=line["details"])


def _of_address(day: date, line: dict[str, str]) -> Iterator[Row]:
    colour = line["filter_result"].strip().upper()
    yield rate(SNDS, day, "filter_result", COLOURS.get(colour), source_ip=line["ip"], text=colour)
    complaints = line["complaint_rate"].strip()
    share = _RATE.fullmatch(complaints)
    yield rate(SNDS, day, "complaint_rate", float(share[1]) if share else None, source_ip=line["ip"], text=complaints)
    for name in _COUNTED:
        number = line[name].strip()
        value = float(number) if number.isascii() and number.isdecimal() and len(number) < 16 else None
        yield rate(SNDS, day, name, value, source_ip=line["ip"], text=number)


def _lines(
    session: requests.Session, url: str, query: dict[str, str], fields: tuple[str, ...]
) -> Iterator[dict[str, str]]:
    def get() -> requests.Response:
        return session.get(url, params=query, timeout=TIMEOUTS, stream=True, allow_redirects=False)

    text = ask(get, _NAMES, _SAYS).decode("utf-8-sig", "replace")
    try:
        for line in csv.reader(text.splitlines(), strict=True):
            if line:
                yield _named(line, fields)
    except csv.Error:
        raise _strange() from None


def _named(line: list[str], fields: tuple[str, ...]) -> dict[str, str]:
    """Return a line by the names of its fields: it begins with an address, unlike a page that says something."""
    try:
        ipaddress.ip_address(line[0].strip())
        if len(line) < len(fields):
            raise _strange()
    except ValueError:
        raise _strange() from None
    return {name: value.strip() for name, value in zip(fields, line, strict=False)}


def _strange() -> UnaskedError:
    return UnaskedError(
        f"{_NAMES.server} answered something else than its CSV, as it does with a key that is not taken. Check "
        f"{_NAMES.address}."
    )
