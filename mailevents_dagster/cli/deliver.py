"""`mailevents deliver`."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from mailevents_dagster.cli.terminal import Exit, configured, console

if TYPE_CHECKING:
    from mailevents_dagster.files.damage import DamagedError
    from mailevents_dagster.settings import Settings
    from mailevents_dagster.sources.mailbox.delivery.mail import Mail
    from mailevents_dagster.sources.mailbox.delivery.past_days import Goal, PastDays
    from mailevents_dagster.sources.mailbox.delivery.uploading import Report, Uploaded
    from mailevents_dagster.sources.mailbox.settings import Mailbox


@click.command()
@click.option("--mailbox", "address", required=True, metavar="ADDRESS", help="Whose mails.")
@click.option("--day", metavar="DAY", help="A database of this day, such as 2025-06-30, instead of what waits.")
@click.option("--from", "first", metavar="DAY", help="A database of each day from this one on,")
@click.option("--to", "last", metavar="DAY", help="to this one.")
@click.option(
    "--out",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Where databases of days and their attachments are put; else the current folder, unless they are uploaded.",
)
@click.option("--upload", is_flag=True, help="Upload databases of days, too.")
def deliver(
    *, address: str, day: str | None, first: str | None, last: str | None, folder: Path | None, upload: bool
) -> None:
    """Deliver the mails of a mailbox that wait: as a database with their attachments, over SFTP.

    A day is one in the time zone of the deliveries. Databases of days are made of what is committed, whether it was
    delivered or not, and change nothing of what waits.

    Ends with 0: done; 1: something failed; 2: wrong usage or settings; 3: nothing to deliver, or others are at it.
    """
    days = _days(day, first, last)
    if not days and (folder or upload):
        raise click.UsageError("--out and --upload need --day, or --from with --to.")
    settings = configured()
    mailbox = _mailbox(settings, address)
    if mailbox.deliver is None and (upload or not days):
        raise click.UsageError(f"{mailbox.address} has no `deliver` in the settings, which says where to deliver to.")
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        ending = _deliver_days(settings, mailbox, days, folder, upload=upload) if days else _deliver(settings, mailbox)
    except KeyboardInterrupt:
        raise click.ClickException("Stopped. What the server has taken is kept, and the rest waits.") from None
    sys.exit(ending)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _days(day: str | None, first: str | None, last: str | None) -> list[date]:
    """Return the days that are asked for; none means what waits."""
    from mailevents_dagster.sources.mailbox.delivery.past_days import days_between

    if day and (first or last):
        raise click.UsageError("--day, and --from with --to, contradict each other.")
    if bool(first) != bool(last):
        raise click.UsageError("--from and --to need each other.")
    if day:
        return [_date("--day", day)]
    if not first or not last:
        return []
    one, other = _date("--from", first), _date("--to", last)
    if other < one:
        raise click.UsageError(f"--to `{last}` lies before --from `{first}`.")
    return list(days_between(one, other))


def _date(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"{option} `{text}` is not a day; write it like 2025-06-30.") from None


def _mailbox(settings: "Settings", address: str) -> "Mailbox":
    from mailevents_dagster.sources.mailbox.settings import MailboxSettings

    mailboxes = settings.section(MailboxSettings).mailboxes
    for mailbox in mailboxes:
        if mailbox.address == address.lower():
            return mailbox
    named = ", ".join(one.address for one in mailboxes) or "none"
    raise click.UsageError(f"{address} is no mailbox of the settings; they have {named}.")


def _start(settings: "Settings", mailbox: "Mailbox") -> int:
    return settings.start if mailbox.start is None else mailbox.start


def _deliver(settings: "Settings", mailbox: "Mailbox") -> Exit:
    """Deliver what waits."""
    from dataclasses import replace

    from mailevents_dagster.deliveries.sftp_failures import SftpError
    from mailevents_dagster.files.printable import counted
    from mailevents_dagster.sources.mailbox.delivery.opening import delivering_of, noting_of
    from mailevents_dagster.sources.mailbox.delivery.waiting import note_committed
    from mailevents_dagster.store.opening import store_of

    store = store_of(settings)
    delivering = delivering_of(store, mailbox, threading.Event())
    note_committed(store, noting_of(store, mailbox), _start(settings, mailbox), time.time())
    try:
        with _progress() as report:
            done = replace(delivering, report=report).run()
    except SftpError as error:
        raise click.ClickException(f"{error}. What waits is kept.") from error
    for note in done.notes:
        click.echo(note, err=True)
    if done.is_elsewhere:
        click.echo("Another process is delivering these mails.", err=True)
    elif not done.databases:
        click.echo("There was nothing to deliver.", err=True)
    else:
        click.echo(f"Delivered {counted(done.mails, 'mail')} in {', '.join(done.databases)}.")
    if done.aside:
        click.echo(f"{counted(done.aside, 'mail')} cannot be read and will not be delivered.", err=True)
        return Exit.SOME_FAILED
    return Exit.DONE if done.databases else Exit.NOTHING


def _deliver_days(
    settings: "Settings", mailbox: "Mailbox", days: list[date], folder: Path | None, *, upload: bool
) -> Exit:
    """Make databases of days."""
    from mailevents_dagster.sources.mailbox.delivery.opening import access_of, database_settings, deliver_settings
    from mailevents_dagster.sources.mailbox.delivery.past_days import Goal, PastDays
    from mailevents_dagster.sources.mailbox.feeds import messages_of
    from mailevents_dagster.store.opening import store_of

    store = store_of(settings)
    access = access_of(deliver_settings(mailbox), store, os.environ) if upload else None
    goal = Goal(folder.absolute() if folder else None if upload else Path.cwd(), access)
    unreadable: list[DamagedError] = []

    def tell(_: "Mail", error: "DamagedError") -> None:
        unreadable.append(error)
        click.echo(f"A mail cannot be read and is left out: {error}", err=True)

    past = PastDays(store, messages_of(mailbox.address), database_settings(mailbox), _start(settings, mailbox), tell)
    endings = [_deliver_day(past, day, goal) for day in days]
    if unreadable or Exit.SOME_FAILED in endings:
        return Exit.SOME_FAILED
    return Exit.DONE if Exit.DONE in endings else Exit.NOTHING


def _deliver_day(past: "PastDays", day: date, goal: "Goal") -> Exit:
    from mailevents_dagster.deliveries.sftp_failures import SftpError
    from mailevents_dagster.files.printable import counted
    from mailevents_dagster.sources.mailbox.delivery.past_days import MissingHoursError

    now = time.time()
    try:
        mails = past.mails(day, now)
        if not mails:
            click.echo(f"{day}: no mails.", err=True)
            return Exit.NOTHING
        with _progress() as report:
            name = past.deliver(day, mails, goal, now, report)
    except MissingHoursError as error:
        first, end = error.hours[0].key, error.hours[-1].next.key
        click.echo(
            f"{day}: {error}, so that no database is made of it. First: mailevents collect --feed '{past.feed}' "
            f"--from {_as_option(first)} --to {_as_option(end)}",
            err=True,
        )
        return Exit.SOME_FAILED
    except SftpError as error:
        click.echo(f"{day}: {error}.", err=True)
        return Exit.SOME_FAILED
    click.echo(f"{day}: {counted(len(mails), 'mail')} in {name}.")
    return Exit.DONE


def _as_option(key: str) -> str:
    """Return an hour as commands take it."""
    return f"{key[:10]}T{key[11:]}"


@contextmanager
def _progress() -> "Iterator[Report]":
    """Show how far an upload is, now and then."""
    from mailevents_dagster.cli.progress import progress

    said: list[Uploaded] = []
    with progress(console(stderr=True), 100, lambda _: f"Uploading: {said[-1]}") as advance:
        done = 0

        def report(far: "Uploaded") -> None:
            nonlocal done
            said.append(far)
            del said[:-1]
            percent = far.bytes * 100 // max(far.of_bytes, 1)
            advance(percent - done)
            done = percent

        yield report
