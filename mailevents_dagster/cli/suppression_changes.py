"""`mailevents suppression add` and `remove`: what people know better."""

import sys
import time
from typing import Literal

import click

from mailevents_dagster.cli.judged_domain import domain_option, judged_domain
from mailevents_dagster.cli.suppression_lookups import addresses_of
from mailevents_dagster.cli.suppression_now import list_now
from mailevents_dagster.cli.terminal import Exit, configured, extra

reason_option = click.option(
    "--reason", "written", required=True, metavar="TEXT", help="Why, for whoever asks later; it is kept."
)
named_argument = click.argument("named", nargs=-1, required=True, metavar="ADDRESS_OR_FILE...")


@click.command()
@domain_option
@reason_option
@named_argument
def add(*, domain: str | None, written: str, named: tuple[str, ...]) -> None:
    """Put addresses on the list. They stay there until somebody removes them.

    Ends with 1 where some are no addresses; the others are added.
    """
    sys.exit(_change("add", domain, written, named))


@click.command()
@domain_option
@reason_option
@named_argument
def remove(*, domain: str | None, written: str, named: tuple[str, ...]) -> None:
    """Take addresses off the list. What happens from now on counts again; what happened before never does.

    Ends with 1 where some are no addresses; the others are removed.
    """
    sys.exit(_change("remove", domain, written, named))


def _change(action: Literal["add", "remove"], domain: str | None, written: str, named: tuple[str, ...]) -> Exit:
    from mailevents_dagster.deliverability.addresses import comparable
    from mailevents_dagster.deliverability.suppression.manual import note_changes
    from mailevents_dagster.files.damage import DamagedError
    from mailevents_dagster.files.printable import printable
    from mailevents_dagster.settings.values import check_reason
    from mailevents_dagster.store.opening import store_of

    with extra("deliverability"):
        from mailevents_dagster.deliverability.hygiene.syntax import fault_of
    try:
        reason = check_reason(written)
    except ValueError as error:
        raise click.UsageError(f"--reason `{printable(written, 60)}` {error}.") from error
    settings = configured()
    judged = judged_domain(settings, domain)
    held = {one.key: one for one in list_now(settings, domain).entries}
    wanted: dict[str, str] = {}
    wrong = 0
    for address in addresses_of(named):
        key = comparable(address)
        # What is on the list already can be taken off it, whatever it looks like.
        if key not in held and (fault := fault_of(address)):
            wrong += 1
            click.echo(f"{printable(address, 254)} is left out: {printable(fault, 200)}", err=True)
        else:
            wanted.setdefault(key, address)
    try:
        now = round(time.time() * 1000)
        done = note_changes(store_of(settings), judged.domain, wanted.values(), action, now, reason)
    except DamagedError as error:
        raise click.ClickException(f"{error}. Nothing was changed; restore it from a backup.") from error
    here = [held[key] for key in wanted if key in held]
    did = "added" if action == "add" else "removed"
    click.echo(f"{done:,} address{'' if done == 1 else 'es'} {did}; {len(here):,} of them were on the list.")
    if action == "remove" and (asked := sum(bool({"complaint", "unsubscribed"} & {*one.held}) for one in here)):
        click.echo(f"{asked:,} had complained or unsubscribed: mail them only if they have agreed anew.", err=True)
    return Exit.SOME_FAILED if wrong else Exit.DONE
