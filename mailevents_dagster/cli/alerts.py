"""`mailevents alerts`."""

import sys
from typing import TYPE_CHECKING

import click

from mailevents_dagster.cli.terminal import Exit, configured, console, json_option, show_json, table

if TYPE_CHECKING:
    from mailevents_dagster.alerts.troubles import Ledger
    from mailevents_dagster.settings import Settings


@click.command()
@click.option("--test", is_flag=True, help="Send a test message by each channel and say which took it.")
@json_option()
def alerts(*, test: bool, as_json: bool) -> None:
    """Show what is wrong and when somebody was told of it; nothing is looked at anew.

    Ends with 0: nothing is wrong, or each channel took the test; 1: something is, or one did not; 3: there is no
    channel to test.
    """
    settings = configured()
    sys.exit(_test(settings, as_json=as_json) if test else _list(settings, as_json=as_json))


def _test(settings: "Settings", *, as_json: bool) -> Exit:
    from mailevents_dagster.alerts.channels import channels_of
    from mailevents_dagster.alerts.texts import TEST
    from mailevents_dagster.deliveries.mail.smtp import SendingError

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
        show_json({"channels": results})
    for one in () if as_json else results:
        fault = f"{', but' if one['taken'] else ':'} {one['fault']}" if one["fault"] else ""
        click.echo(f"{one['channel']} {'took' if one['taken'] else 'did not take'} the test message{fault}.")
    return Exit.SOME_FAILED if any(one["fault"] for one in results) else Exit.DONE


def _list(settings: "Settings", *, as_json: bool) -> Exit:
    from mailevents_dagster.alerts.notification import read_ledger
    from mailevents_dagster.alerts.troubles import ledger_content
    from mailevents_dagster.files.damage import DamagedError
    from mailevents_dagster.store.opening import store_of

    try:
        ledger = read_ledger(store_of(settings))
    except DamagedError as error:
        raise click.ClickException(f"{error}. The sensor sets it aside at its next look and begins anew.") from error
    if as_json:
        show_json({"troubles": ledger_content(ledger)["troubles"]})
    else:
        if ledger.entries:
            _show(ledger, settings.timezone)
        if not settings.alerts.are_on:
            click.echo(
                "Nobody is told: no channel is configured; write `alerts:` into the settings, see docs/alerts.md."
            )
        elif not ledger.entries:
            click.echo("Nothing is wrong that somebody would be told of.")
    return Exit.SOME_FAILED if ledger.entries else Exit.DONE


def _show(ledger: "Ledger", timezone: str) -> None:
    from rich.markup import escape

    from mailevents_dagster.alerts.texts import moment

    times = ("since", "last seen", "told")
    rows = table("what", "cause", *times, "said", whole=times)
    for trouble, entry in sorted(ledger.entries.items(), key=lambda one: one[0]):
        rows.add_row(
            escape(f"{trouble.subject.kind} {trouble.subject.name}"),
            escape(trouble.cause),
            moment(entry.since, timezone),
            moment(entry.seen, timezone),
            moment(entry.told, timezone) if entry.told else "not yet",
            escape(entry.said),
        )
    console().print(rows)
