"""`mailevents alerts`."""

import sys
from typing import TYPE_CHECKING

import click

from mailevents_dagster.cli.terminal import Exit, configured, console

if TYPE_CHECKING:
    from rich.table import Table

    from mailevents_dagster.alerts.troubles import Ledger
    from mailevents_dagster.settings import Settings


@click.command()
@click.option("--test", is_flag=True, help="Send a test message by each channel and say which took it.")
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object.")
def alerts(*, test: bool, as_json: bool) -> None:
    """What is wrong and when somebody was told of it; nothing is looked at anew.

    Ends with 0: nothing is wrong, or each channel took the test; 1: something is, or one did not; 3: there is no
    channel to test.
    """
    settings = configured()
    sys.exit(_test(settings, as_json=as_json) if test else _list(settings, as_json=as_json))


def _test(settings: "Settings", *, as_json: bool) -> Exit:
    import json

    from mailevents_dagster.alerts.channels import SendingError, channels_of
    from mailevents_dagster.alerts.texts import TEST

    channels = channels_of(settings.alerts)
    if not channels:
        click.echo("No channel is configured; write `alerts:` into the settings, see docs/alerts.md.", err=True)
        return Exit.NOTHING
    results = []
    for channel in channels:
        try:
            results.append({"channel": channel.name, "taken": True, "fault": channel.send(TEST)})
        except SendingError as error:
            results.append({"channel": channel.name, "taken": False, "fault": str(error)})
    if as_json:
        click.echo(json.dumps({"channels": results}, indent=2))
    else:
        for one in results:
            fault = f"{', but' if one['taken'] else ':'} {one['fault']}" if one["fault"] else ""
            click.echo(f"{one['channel']} {'took' if one['taken'] else 'did not take'} the test message{fault}.")
    return Exit.SOME_FAILED if any(one["fault"] for one in results) else Exit.DONE


def _list(settings: "Settings", *, as_json: bool) -> Exit:
    import json

    from mailevents_dagster.alerts.notification import read_ledger
    from mailevents_dagster.alerts.troubles import ledger_content
    from mailevents_dagster.collecting.configuration import store_of
    from mailevents_dagster.files.damage import DamagedError

    try:
        ledger = read_ledger(store_of(settings))
    except DamagedError as error:
        raise click.ClickException(f"{error}. The next look of the sensor sets it aside and begins anew.") from error
    if as_json:
        click.echo(json.dumps({"troubles": ledger_content(ledger)["troubles"]}, indent=2))
    elif ledger.entries:
        console().print(_table(ledger, settings.timezone))
    if not as_json and not settings.alerts.are_on:
        click.echo("Nobody is told: no channel is configured; write `alerts:` into the settings, see docs/alerts.md.")
    elif not as_json and not ledger.entries:
        click.echo("Nothing is wrong that somebody would be told of.")
    return Exit.SOME_FAILED if ledger.entries else Exit.DONE


def _table(ledger: "Ledger", timezone: str) -> "Table":
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from mailevents_dagster.alerts.texts import moment

    table = Table(box=box.SIMPLE)
    for name in ("what", "cause", "since", "last seen", "told", "said"):
        table.add_column(name, no_wrap=name in ("since", "last seen", "told"), overflow="fold")
    for trouble, entry in sorted(ledger.entries.items(), key=lambda one: one[0]):
        times = (moment(entry.since, timezone), moment(entry.seen, timezone))
        table.add_row(
            escape(f"{trouble.subject.kind} {trouble.subject.name}"),
            escape(trouble.cause),
            *times,
            moment(entry.told, timezone) if entry.told else "not yet",
            escape(entry.said),
        )
    return table
