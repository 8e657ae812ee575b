"""`mailevents report`."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from mailevents_dagster.cli.terminal import Exit, configured

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mailevents_dagster.model.day import Day
    from mailevents_dagster.model.feed import Feed
    from mailevents_dagster.settings import Settings
    from mailevents_dagster.summaries.report import OfDomain
    from mailevents_dagster.summaries.wording import Language

SAY_EVERY: Final = 5.0
STDOUT: Final = Path("-")


@click.command()
@click.option("--day", "written", required=True, metavar="DAY", help="Such as 2026-11-20, in the settings' time zone.")
@click.option(
    "--domain", "domains", multiple=True, metavar="DOMAIN", help="Or a mail server; may be repeated; else all."
)
@click.option("--lang", type=click.Choice(["en", "tr"]), default="en", show_default=True, help="English or Turkish.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where to write it, - for stdout; else mailevents-report-DAY.html in the current folder.",
)
@click.option("--with-users", is_flag=True, help="Name users and addresses of failed sign-ins: personal data.")
def report(*, written: str, domains: tuple[str, ...], lang: str, out: Path | None, with_users: bool) -> None:
    """Write a day on one page of HTML, from the stored hours: what came, what became of it, and why not.

    Makes no call. Ends with 1 if hours that are stored cannot be read, with 3 if nothing is stored of that day.
    """
    from upath import UPath

    from mailevents_dagster.deliverability.report import sections
    from mailevents_dagster.files.atomic import publish
    from mailevents_dagster.model.day import Day
    from mailevents_dagster.store.opening import store_of
    from mailevents_dagster.summaries.report import Report, page

    settings = configured()
    try:
        day = Day.from_key(written, settings.timezone)
    except ValueError as error:
        raise click.UsageError(f"--day `{written}` is not a day; write it like 2026-11-20.") from error
    unreadable: list[str] = []
    found = Report(day, _counted(settings, _feeds(settings, domains), day, unreadable.append))
    for said in unreadable:
        click.echo(said, err=True)
    if not found.hours_kept:
        click.echo(f"Nothing is stored of {day}.", err=True)
        sys.exit(Exit.SOME_FAILED if unreadable else Exit.NOTHING)
    language: Language = "tr" if lang == "tr" else "en"
    more = sections(store_of(settings).layout, found.domains, day, language)
    text = page(found, language, time.time(), with_users=with_users, more=more).encode()
    if out == STDOUT:
        click.echo(text, nl=False)
    else:
        path = (out or Path(f"mailevents-report-{day}.html")).absolute()
        with publish(UPath(path)) as file:
            file.write(text)
        click.echo(f"{path}: {found.hours_kept:,} of {found.hours:,} hours of feeds are stored of {day}.")
    sys.exit(Exit.SOME_FAILED if unreadable else Exit.DONE)


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


def _counted(
    settings: "Settings", feeds: "dict[str, list[Feed]]", day: "Day", note: "Callable[[str], object]"
) -> "dict[str, OfDomain]":
    from mailevents_dagster.collecting.interval import Every
    from mailevents_dagster.store.opening import store_of
    from mailevents_dagster.summaries.kinds import KINDS
    from mailevents_dagster.summaries.making import counts_of_day

    store, interval = store_of(settings), Every(SAY_EVERY)
    counted: dict[str, OfDomain] = {}
    for place, (domain, own) in enumerate(feeds.items()):
        if interval.has_passed():
            click.echo(f"{place:,} of {len(feeds):,} domains and servers", err=True)
        counted[domain] = {
            kind: counts_of_day(store, kind, own, day, note) for kind in KINDS.values() if kind.feeds(own)
        }
    return counted
