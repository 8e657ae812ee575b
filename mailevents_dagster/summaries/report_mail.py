"""The daily report by mail: when it is due, and that each address gets it once.

What was sent stands in a file of the storage. A process that is killed between sending and writing sends the same mail
again, under the same Message-ID, by which receivers can tell: twice is better than never.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any, Final, NoReturn
from zoneinfo import ZoneInfo

from mailevents_dagster.deliveries.mail.composing import composed
from mailevents_dagster.deliveries.mail.letter import Letter
from mailevents_dagster.deliveries.mail.smtp import SendingError, hand_over
from mailevents_dagster.files.checksummed import read_sealed, write_sealed
from mailevents_dagster.files.damage import DamagedError, set_aside
from mailevents_dagster.files.objects import ChangedError, Version
from mailevents_dagster.model.day import Day
from mailevents_dagster.model.hour import key_timezone
from mailevents_dagster.settings import ReportMailSettings
from mailevents_dagster.sharing.locks import HeldError
from mailevents_dagster.store.lock_names import REPORT
from mailevents_dagster.store.store import Store

PATIENCE: Final = 60.0
"""Seconds that the mail server may take for an answer."""
WAITS: Final = 6 * 3600
"""Seconds after its time in which the report waits for the day to be complete."""
AGAIN: Final = 600.0
"""Seconds until a mail that was refused for now is tried again: greylisting lets in what comes back after minutes."""
LATER: Final = 3600.0
"""Seconds until one is that failed for another reason, or for now too often."""
PASSING_TRIES: Final = 12
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of the report of one day."""

    day: str
    done: tuple[str, ...] = ()
    """Digests of the addresses that need no further try: taken, or refused for good."""
    tries: int = 0
    again_at: float | None = None
    """When those that are left are tried again; None where nobody is left."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What one try came to."""

    taken: int
    refused: int
    """For good."""
    waiting: int
    why: str = ""
    """Why some or all wait or were refused."""
    is_failure: bool = False
    """Somebody must mend it."""


def due_day(sent: Sent | None, at: str, timezone: str, now: float, is_complete: Callable[[Day], bool]) -> Day | None:
    """Return the day whose report is to be sent now: that of yesterday, once; None where none is."""
    zone = ZoneInfo(key_timezone(timezone))
    today = datetime.fromtimestamp(now, zone).date()
    begins = datetime.combine(today, time.fromisoformat(at), zone).timestamp()
    day = Day(today - timedelta(days=1), timezone)
    if now < begins:
        return None
    if sent is not None and sent.day == day.key:
        return day if sent.again_at is not None and now >= sent.again_at else None
    return day if now >= begins + WAITS or is_complete(day) else None


def read_sent(store: Store, warn: Callable[[str], object], version: Version | None = None) -> Sent | None:
    """Return what became of the newest report; what is damaged is set aside, and that report may be sent again."""
    path = store.layout.report_mail
    try:
        content = read_sealed(path, version)
        return None if content is None else _sent_of(content)
    except (DamagedError, KeyError, TypeError, ValueError) as error:
        warn(f"{error}. It was set aside as {set_aside(path)}; the newest report may be sent once more.")
        return None


def send_report(
    letter: Letter,
    day: Day,
    settings: ReportMailSettings,
    store: Store,
    now: float,
    warn: Callable[[str], object],
    environ: Mapping[str, str] = os.environ,
) -> Tried:
    """Send the report of a day to those who have not got it, and note it. HeldError if another process is at it."""

    def refuse() -> NoReturn:
        raise HeldError("Another process is sending the report.")

    with store.locks.holding(REPORT, refuse):
        version = Version()
        known = read_sent(store, warn, version)
        before = known if known is not None and known.day == day.key else Sent(day.key)
        left = [address for address in settings.to if _digest(address) not in before.done]
        if not left:
            return Tried(0, 0, 0)
        trying = replace(before, tries=before.tries + 1, again_at=now + LATER)
        try:
            _write(store, trying, version)
        except ChangedError:
            refuse()
        try:
            refused = mail_letter(letter, settings, now, to=left, message_id=_id_of(day, settings), environ=environ)
        except SendingError as error:
            is_passing = error.is_passing and trying.tries < PASSING_TRIES
            again_at = now + (AGAIN if is_passing else LATER)
            _note(store, replace(trying, again_at=again_at), version, warn)
            return Tried(0, 0, len(left), str(error), is_failure=not is_passing)
        sent, tried = _outcome(trying, left, refused, now)
        _note(store, sent, version, warn)
        return tried


def mail_letter(
    letter: Letter,
    settings: ReportMailSettings,
    now: float,
    *,
    to: list[str] | None = None,
    message_id: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Mapping[str, int]:
    """Hand the letter over for all addresses, or for some; return those that were refused, each with its code."""
    mail = composed(
        letter,
        sender=settings.sender or "",
        to=settings.to,
        now=now,
        message_id=message_id,
        unsubscribe=settings.unsubscribe,
    )
    password = environ[settings.password_variable] if settings.password_variable else None
    return hand_over(mail, to or settings.to, settings, password, PATIENCE, "report.mail")


def _outcome(trying: Sent, left: list[str], refused: Mapping[str, int], now: float) -> tuple[Sent, Tried]:
    """Return who needs no further try after one that reached somebody, and what it came to."""
    waiting = [one for one in left if 400 <= refused.get(one, 0) < 500 and trying.tries < PASSING_TRIES]
    done = (*trying.done, *(_digest(one) for one in left if one not in waiting))
    sent = replace(trying, done=done, again_at=now + AGAIN if waiting else None)
    for_good = len(refused) - len(waiting)
    why = "it does not take mail for some of the addresses (report.mail.to)" if refused else ""
    return sent, Tried(len(left) - len(refused), for_good, len(waiting), why, is_failure=for_good > 0)


def both(one: Sent, other: Sent) -> Sent:
    """Return what became of the newest report, as two processes that sent it at once know it."""
    if one.day != other.day:
        return max(one, other, key=lambda sent: sent.day)
    again = None if one.again_at is None or other.again_at is None else max(one.again_at, other.again_at)
    return Sent(one.day, tuple(dict.fromkeys((*one.done, *other.done))), max(one.tries, other.tries), again)


def _id_of(day: Day, settings: ReportMailSettings) -> str:
    """Return the same id for the same day and people."""
    return f"report.{day.key}.{_digest(' '.join(settings.to))}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _note(store: Store, sent: Sent, version: Version, warn: Callable[[str], object]) -> None:
    """Note what was sent, beside what another process noted meanwhile."""
    while True:
        try:
            return _write(store, sent, version)
        except ChangedError:
            there = read_sent(store, warn, version)
            sent = both(there, sent) if there else sent


def _write(store: Store, sent: Sent, version: Version) -> None:
    """Write it in the place of what was read; ChangedError where another has written since, on an object store."""
    write_sealed(store.layout.report_mail, {"version": _VERSION, **asdict(sent), "done": list(sent.done)}, version)


def _sent_of(content: Mapping[str, Any]) -> Sent:
    return Sent(content["day"], tuple(content["done"]), int(content["tries"]), content["again_at"])
