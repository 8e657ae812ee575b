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
    from mailevents_dagster.sources.mailbox.pst.importing import Imported, Target
    from mailevents_dagster.sources.mailbox.pst.library import File
    from mailevents_dagster.sources.mailbox.pst.survey import Report, Survey


@click.command("import-pst")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False, exists=True, readable=True))
@click.option("--mailbox", "address", required=True, metavar="A", help="The mailbox of the settings that it is of.")
def import_pst(*, path: Path, address: str) -> None:
    """Take the mails of an Outlook file (PST or OST) into the hours of a mailbox.

    Prints how many items are of each class and in each folder. Mails that are there stay as they are; who starts it
    again goes on where it ended. Ends with 1 where something could not be read, and names it.
    """
    from mailevents_dagster.sources.mailbox.pst.library import File, PstError
    from mailevents_dagster.sources.mailbox.pst.survey import surveyed

    target = _target(configured(), address)
    out = console()
    try:
        with File(path) as file:
            with _progress("Looking through it", 0) as report:
                survey = surveyed(file, time.time(), report)
            for line in _counts(survey):
                out.print(line, markup=False, highlight=False, soft_wrap=True)
            imported = _import(file, survey, target)
    except PstError as error:
        raise click.ClickException(f"{path} cannot be read: {error}") from error
    for line in _outcome(survey, imported):
        out.print(line, markup=False, highlight=False, soft_wrap=True)
    sys.exit(Exit.SOME_FAILED if survey.unreadable or imported.unreadable else Exit.DONE)


def _target(settings: "Settings", address: str) -> "Target":
    from mailevents_dagster.collecting.feed_states import open_from
    from mailevents_dagster.sources.mailbox.feeds import messages_of
    from mailevents_dagster.sources.mailbox.pst.importing import Target
    from mailevents_dagster.sources.mailbox.settings import MailboxSettings
    from mailevents_dagster.store.opening import store_of

    mailboxes = settings.section(MailboxSettings).mailboxes
    found = next((one for one in mailboxes if one.address == address.lower()), None)
    if found is None:
        known = ", ".join(one.address for one in mailboxes) or "none"
        raise click.UsageError(f"--mailbox {address} is not in the settings under `mailboxes`; there are: {known}.")
    store, feed = store_of(settings), messages_of(found.address)
    return Target(store, feed, open_from(settings, store, time.time())[feed], bodies=found.bodies)


def _import(file: "File", survey: "Survey", target: "Target") -> "Imported":
    from mailevents_dagster.sources.mailbox.pst.importing import import_mails

    with _progress("Importing", len(survey)) as report:
        return import_mails(file, survey, target, report)


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


def _outcome(survey: "Survey", imported: "Imported") -> Iterator[str]:
    yield (
        f"Mails: {imported.added} imported, {imported.there} there before, in {imported.hours} hours that were written"
    )
    if imported.destroyed:
        yield f"Left out: {imported.destroyed} mails of hours that were destroyed for their age"
    unreadable = [*survey.unreadable, *imported.unreadable]
    if unreadable:
        yield f"Could not be read, or not whole: {len(unreadable)}"
        yield from (f"  {one}" for one in unreadable)
