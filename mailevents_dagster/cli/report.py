"""`mailevents report`."""

import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from mailevents_dagster.cli.terminal import Exit, configured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailevents_dagster.model.feed import Feed
    from mailevents_dagster.settings import Settings
    from mailevents_dagster.summaries.report_tables import Report
    from mailevents_dagster.summaries.wording import Language

STDOUT: Final = Path("-")


@click.command()
@click.option("--day", "written", required=True, metavar="DAY", help="Such as 2026-11-20, in the settings' time zone.")
@click.option(
    "--domain", "domains", multiple=True, metavar="DOMAIN", help="Or a mail server; may be repeated; else all."
)
@click.option("--lang", type=click.Choice(["en", "tr"]), help="English or Turkish; else en, or what report.mail says.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where to write it, - for stdout; else mailevents-report-DAY.html in the current folder.",
)
@click.option("--mail", is_flag=True, help="Send it now to report.mail.to of the settings, and write no file.")
@click.option("--with-users", is_flag=True, help="Name users and addresses of failed sign-ins: personal data.")
def report(
    *, written: str, domains: tuple[str, ...], lang: str | None, out: Path | None, mail: bool, with_users: bool
) -> None:
    """Write a day on one page of HTML, from the stored hours: what came, what became of it, and why not.

    Makes no call, unless it is sent. Ends with 1 if hours that are stored cannot be read or the mail server does not
    take the mail for everybody, with 3 if nothing is stored of that day.
    """
    from mailevents_dagster.model.day import Day
    from mailevents_dagster.store.opening import store_of
    from mailevents_dagster.summaries.reporting import report_of

    if mail and (out or with_users):
        raise click.UsageError("--mail goes with neither --out nor --with-users: a mail names no users.")
    settings = configured()
    if mail and not settings.report.mail.to:
        raise click.UsageError("--mail: nobody is named; write `report: {mail: …}` into the settings.")
    try:
        day = Day.from_key(written, settings.timezone)
    except ValueError as error:
        raise click.UsageError(f"--day `{written}` is not a day; write it like 2026-11-20.") from error
    unreadable: list[str] = []
    progress = partial(click.echo, err=True)
    found = report_of(store_of(settings), _feeds(settings, domains), day, unreadable.append, progress)
    for said in unreadable:
        click.echo(said, err=True)
    if not found.hours_kept:
        click.echo(f"Nothing is stored of {day}.", err=True)
        sys.exit(Exit.SOME_FAILED if unreadable else Exit.NOTHING)
    is_done = _send(settings, found, lang) if mail else _write(settings, found, lang, out, with_users=with_users)
    sys.exit(Exit.DONE if is_done and not unreadable else Exit.SOME_FAILED)


def _write(settings: "Settings", found: "Report", lang: str | None, out: Path | None, *, with_users: bool) -> bool:
    from mailevents_dagster.deliverability.report import sections
    from mailevents_dagster.files.atomic import publish
    from mailevents_dagster.store.opening import store_of
    from mailevents_dagster.summaries.report import page

    language: Language = "tr" if lang == "tr" else "en"
    more = sections(store_of(settings).layout, found.domains, found.day, language)
    text = page(found, language, time.time(), with_users=with_users, more=more).encode()
    if out == STDOUT:
        click.echo(text, nl=False)
        return True
    path = (out or Path(f"mailevents-report-{found.day}.html")).absolute()
    with publish(path) as file:
        file.write(text)
    click.echo(f"{path}: {_hours(found)}")
    return True


def _send(settings: "Settings", found: "Report", lang: str | None) -> bool:
    """Send the report; return whether it was taken for everybody."""
    from mailevents_dagster.deliverability.report import blocks
    from mailevents_dagster.deliveries.mail.smtp import SendingError
    from mailevents_dagster.store.opening import store_of
    from mailevents_dagster.summaries.report_letter import letter_of
    from mailevents_dagster.summaries.report_mail import mail_letter

    mail, now = settings.report.mail, time.time()
    language: Language = "tr" if (lang or mail.language) == "tr" else "en"
    try:
        more = blocks(store_of(settings).layout, found.domains, found.day, language)
        refused = mail_letter(letter_of(found, language, now, more), mail, now)
    except SendingError as error:
        raise click.ClickException(f"The mail server did not take the report: {error}.") from error
    if refused:
        click.echo(f"It does not take mail for {len(refused):,} of {len(mail.to):,} addresses.", err=True)
    click.echo(f"Sent for {len(mail.to) - len(refused):,} addresses: {_hours(found)}")
    return not refused


def _hours(found: "Report") -> str:
    return f"{found.hours_kept:,} of {found.hours:,} hours of feeds are stored of {found.day}."


def _feeds(settings: "Settings", domains: "Sequence[str]") -> "dict[str, list[Feed]]":
    """Return the feeds of these domains or servers, or of all if none is named; an unknown one ends the command."""
    from mailevents_dagster.model.feed import readable_domain

    known = settings.feeds_by_owner
    by_name = {**{readable_domain(domain): domain for domain in known}, **{domain: domain for domain in known}}
    for name in domains:
        if name.lower() not in by_name:
            raise click.UsageError(f"--domain `{name}` is not in the settings; they have {', '.join(known)}.")
    wanted = dict.fromkeys(by_name[name.lower()] for name in domains) if domains else known
    return {domain: known[domain] for domain in wanted}
