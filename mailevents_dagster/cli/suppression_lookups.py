"""`mailevents suppression why` and `check`: what speaks against addresses."""

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailevents_dagster.cli.judged_domain import domain_option, judged_domain
from mailevents_dagster.cli.suppression_now import Now, list_now
from mailevents_dagster.cli.terminal import Exit, configured, json_option

if TYPE_CHECKING:
    from mailevents_dagster.deliverability.suppression.entries import Entry
    from mailevents_dagster.deliverability.suppression.ledger import Evidence
    from mailevents_dagster.deliverability.suppression.manual import Change


def addresses_of(named: Iterable[str]) -> Iterator[str]:
    """Yield the addresses that are named, and those in files that are; a file may hold them in any of its columns."""
    from mailevents_dagster.deliverability.hygiene.table_file import TableFileError, table_file

    for one in named:
        if not os.path.isfile(one):  # unlike Path.is_file, also where it is too long for a name
            if "@" in one:
                yield one
                continue
            raise click.UsageError(f"`{one}` is neither an address nor a file.")
        try:
            file = table_file(Path(one))
            yield from filter(None, (file.address(row) for _, row in file.rows()))
        except TableFileError as error:
            raise click.ClickException(str(error)) from error


@click.command()
@domain_option
@json_option("For programs: one JSON object a line for each address.")
@click.argument("named", nargs=-1, required=True, metavar="ADDRESS_OR_FILE...")
def check(*, domain: str | None, as_json: bool, named: tuple[str, ...]) -> None:
    """Say for each address whether it must not be mailed, and why.

    Ends with 0: all may be mailed; 1: some must not.
    """
    from mailevents_dagster.deliverability.addresses import comparable
    from mailevents_dagster.deliverability.suppression.entries import facts_of
    from mailevents_dagster.files.json_text import one_line
    from mailevents_dagster.files.printable import printable

    held = {one.key: one for one in list_now(configured(), domain).entries}
    checked, refused = 0, 0
    for address in addresses_of(named):
        one = held.get(comparable(address))
        checked, refused = checked + 1, refused + (one is not None)
        if as_json:
            facts = {**facts_of(one), "address": address} if one else {"address": address}
            click.echo(one_line({"suppressed": one is not None, **facts}))
        else:
            verdict = f"must not be mailed: {_why(one)}" if one else "may be mailed"
            click.echo(f"{printable(address, 254)}: {verdict}")
    click.echo(f"{refused:,} of {checked:,} addresses must not be mailed.", err=True)
    sys.exit(Exit.SOME_FAILED if refused else Exit.DONE)


def _why(entry: "Entry") -> str:
    from mailevents_dagster.files.printable import printable

    facts = entry.evidence
    words = (facts.rule and f"rule {facts.rule}", facts.text and f"`{printable(facts.text, 200)}`")
    return "; ".join([entry.said, *filter(None, words)])


@click.command()
@domain_option
@json_option()
@click.argument("address")
def why(*, domain: str | None, as_json: bool, address: str) -> None:
    """Show what speaks against an address, by which rule and which event, and what people changed.

    Ends with 3 where nothing does.
    """
    from mailevents_dagster.deliverability.addresses import comparable, flags_of
    from mailevents_dagster.deliverability.suppression.manual import read_changes
    from mailevents_dagster.store.opening import store_of

    settings = configured()
    now, key = list_now(settings, domain), comparable(address)
    changes = read_changes(store_of(settings).layout, judged_domain(settings, domain).domain)
    own = [one for one in changes if comparable(one.address) == key]
    standing = now.ledger.get(key, ())
    if as_json:
        _show_json(now, key, own)
    else:
        entry = next((one for one in now.entries if one.key == key), None)
        click.echo(f"{address}: {'must not be mailed: ' + entry.said if entry else 'may be mailed'}.")
        for flag in flags_of(key):
            click.echo(f"  look at it: {flag}")
        for evidence in standing:
            _show_evidence(
                evidence, is_reason=bool(entry and evidence in [one.evidence for one in entry.held.values()])
            )
        for change in own:
            _show_change(change)
    sys.exit(Exit.DONE if standing or own else Exit.NOTHING)


def _show_evidence(one: "Evidence", *, is_reason: bool) -> None:
    from mailevents_dagster.deliverability.suppression.evidence import moment
    from mailevents_dagster.files.printable import printable

    what = one.what if is_reason else f"{one.what}, which counts and is not enough"
    facts = {
        "rule": one.rule,
        "answer": " ".join(filter(None, (str(one.code or ""), one.enhanced_code, one.text))),
        "mail": one.mail,
        "feed": one.feed,
        "event": one.event_id,
    }
    click.echo(f"  {moment(one.at):%Y-%m-%d %H:%M:%S} UTC  {what}")
    for name, text in facts.items():
        if text:
            click.echo(f"    {name}: {printable(text, 500)}")


def _show_change(one: "Change") -> None:
    from mailevents_dagster.deliverability.suppression.evidence import moment
    from mailevents_dagster.files.printable import printable

    did = "added" if one.action == "add" else "removed"
    click.echo(f"  {moment(one.at):%Y-%m-%d %H:%M:%S} UTC  {did} by hand: {printable(one.reason, 200)}")


def _show_json(now: Now, key: str, changes: "list[Change]") -> None:
    from dataclasses import asdict

    import orjson

    from mailevents_dagster.deliverability.suppression.entries import facts_of
    from mailevents_dagster.deliverability.suppression.evidence import moment

    entry = next((one for one in now.entries if one.key == key), None)
    content = {
        "suppressed": entry is not None,
        **({} if entry is None else facts_of(entry)),
        "evidence": [{**asdict(one), "at": moment(one.at)} for one in now.ledger.get(key, ())],
        "changes": [{**asdict(one), "at": moment(one.at)} for one in changes],
    }
    click.echo(orjson.dumps({"address": key, **content}, option=orjson.OPT_INDENT_2))
