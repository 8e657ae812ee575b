"""`mailevents import-pst`."""

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailevents_dagster.cli.terminal import Exit, configured, console

if TYPE_CHECKING:
    from mailevents_dagster.settings import Settings
    from mailevents_dagster.sources.mailbox.pst.library import File
    from mailevents_dagster.sources.mailbox.pst.survey import Report, Survey
    from mailevents_dagster.sources.mailbox.settings import Mailbox


@click.command("import-pst")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False, exists=True, readable=True))
@click.option("--mailbox", "address", required=True, metavar="A", help="The mailbox of the settings that it is of.")
@click.option(
    "--out",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Make a database and a folder of attachments there, as they are delivered, instead of importing.",
)
def import_pst(*, path: Path, address: str, folder: Path | None) -> None:
    """Take the mails of an Outlook file (PST or OST) into the hours of a mailbox.

    Prints how many items are of each class and in each folder. Mails that are there stay as they are; who starts it
    again goes on where it ended. Ends with 1 where something could not be read, and names it.
    """
    from mailevents_dagster.sources.mailbox.pst.library import File, PstError
    from mailevents_dagster.sources.mailbox.pst.survey import surveyed

    settings, out = configured(), console()
    mailbox = _mailbox(settings, address)
    try:
        with File(path) as file:
            with _progress("Looking through it", 0) as report:
                survey = surveyed(file, time.time(), report)
            for line in _counts(survey):
                out.print(line, markup=False, highlight=False, soft_wrap=True)
            outcome = [
                *(
                    _import(file, survey, settings, mailbox)
                    if folder is None
                    else _export(file, survey, folder, mailbox)
                )
            ]
    except PstError as error:
        raise click.ClickException(f"{path} cannot be read: {error}") from error
    for line in outcome:
        out.print(line, markup=False, highlight=False, soft_wrap=True)
    sys.exit(Exit.SOME_FAILED if survey.unreadable else Exit.DONE)


def _mailbox(settings: "Settings", address: str) -> "Mailbox":
    from mailevents_dagster.sources.mailbox.settings import MailboxSettings

    mailboxes = settings.section(MailboxSettings).mailboxes
    found = next((one for one in mailboxes if one.address == address.lower()), None)
    if found is None:
        known = ", ".join(one.address for one in mailboxes) or "none"
        raise click.UsageError(f"--mailbox {address} is not in the settings under `mailboxes`; there are: {known}.")
    return found


def _import(file: "File", survey: "Survey", settings: "Settings", mailbox: "Mailbox") -> Iterator[str]:
    """Import the mails and yield what became of them."""
    from mailevents_dagster.collecting.feed_states import open_from
    from mailevents_dagster.sources.mailbox.feeds import messages_of
    from mailevents_dagster.sources.mailbox.pst.importing import Target, import_mails
    from mailevents_dagster.store.opening import store_of

    store, feed = store_of(settings), messages_of(mailbox.address)
    target = Target(store, feed, open_from(settings, store, time.time())[feed], bodies=mailbox.bodies)
    with _progress("Importing", len(survey)) as report:
        done = import_mails(file, survey, target, report)
    yield f"Mails: {done.added} imported, {done.there} there before, in {done.hours} hours that were written"
    if done.destroyed:
        yield f"Left out: {done.destroyed} mails of hours that were destroyed for their age"
    survey.unreadable += done.unreadable
    yield from _unreadable(survey)


def _export(file: "File", survey: "Survey", folder: Path, mailbox: "Mailbox") -> Iterator[str]:
    """Make a database of the mails and yield what became of them."""
    from mailevents_dagster.sources.mailbox.delivery.mail import DatabaseSettings
    from mailevents_dagster.sources.mailbox.pst.exporting import export_mails

    deliver = mailbox.deliver
    look = (
        DatabaseSettings(mailbox.address, deliver.timezone, deliver.columns)
        if deliver
        else DatabaseSettings(mailbox.address)
    )
    with _progress("Writing", len(survey)) as report:
        database = export_mails(file, survey, folder, look, survey.unreadable, report)
    yield f"Mails: {len(survey)} in {database}"
    yield from _unreadable(survey)


def _unreadable(survey: "Survey") -> Iterator[str]:
    if survey.unreadable:
        yield f"Could not be read, or not whole: {len(survey.unreadable)}"
        yield from (f"  {one}" for one in survey.unreadable)


def _progress(what: str, total: int) -> "AbstractContextManager[Report]":
    from mailevents_dagster.cli.progress import progress

    def said(done: int) -> str:
        return f"{what}: {done:,} of {total:,} mails" if total else f"{what}: {done:,} items"

    return progress(console(stderr=True), total or None, said)


def _counts(survey: "Survey") -> Iterator[str]:
    from mailevents_dagster.sources.mailbox.pst.classes import is_mail

    yield "Items by class:"
    for item_class, count in sorted(survey.classes.items()):
        yield f"  {item_class}: {count}" + ("" if is_mail(item_class) else " (no mail, left out)")
    yield "Items by folder:"
    for folder, count in sorted(survey.items.items()):
        yield f"  {folder}: {count}"
    yield f"Items that programs keep hidden, left out: {survey.hidden}"
