"""`mailevents suppression`: the list of those who must not be mailed."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import click

from mailevents_dagster.cli.judged_domain import domain_option, judged_domain
from mailevents_dagster.cli.suppression_changes import add, remove
from mailevents_dagster.cli.suppression_lookups import check, why
from mailevents_dagster.cli.suppression_now import list_now, replayed
from mailevents_dagster.cli.terminal import Exit, configured, console, table
from mailevents_dagster.deliverability.suppression.format_names import FOR_PROVIDERS, FOR_READING

if TYPE_CHECKING:
    from mailevents_dagster.deliverability.suppression.entries import Difference, Entry
    from mailevents_dagster.settings import Settings

HASH_KEY: Final = "MAILEVENTS_HASH_KEY"
SHORTEST_KEY: Final = 16
"""Characters: a shorter key is found by trying."""


@click.group()
def suppression() -> None:
    """Who must not be mailed, and why: the list of this moment, from the stored outcomes and what people changed."""


format_option = click.option(
    "--format",
    "form",
    type=click.Choice((*FOR_READING, *FOR_PROVIDERS)),
    help="csv, json and parquet say everything; the others are what SES, SendGrid and Mailgun take in.",
)
out_option = click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Where to write it; else stdout."
)


@suppression.command("list")
@domain_option
@click.option("--reason", "reasons", multiple=True, metavar="REASON", help="Such as hard; may be repeated; else all.")
@click.option(
    "--rules",
    "rules_file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="Show what these rules would change, and change nothing.",
)
@format_option
@out_option
def list_(
    *, domain: str | None, reasons: tuple[str, ...], rules_file: Path | None, form: str | None, out: Path | None
) -> None:
    """List who must not be mailed, or what other rules would change.

    Ends with 3 where the list is empty, or the rules change nothing.
    """
    settings = configured()
    if rules_file:
        if out or form not in (None, "json"):
            raise click.UsageError("--rules shows what would change, as a table or with --format json on stdout.")
        sys.exit(_try_rules(settings, domain, rules_file, as_json=form == "json"))
    entries = [one for one in list_now(settings, domain).entries if not reasons or one.reason in reasons]
    if form or out:
        _write(entries, form or "csv", out, None)
    elif entries:
        _show(entries)
    if not entries:
        click.echo("Nobody is on the list.", err=True)
    sys.exit(Exit.DONE if entries else Exit.NOTHING)


@suppression.command()
@domain_option
@click.option("--reason", "reasons", multiple=True, metavar="REASON", help="Such as hard; may be repeated; else all.")
@format_option
@click.option("--hashed", "is_hashed", is_flag=True, help="Keyed hashes instead of addresses, and no texts of mails.")
@click.option("--with-temporary", is_flag=True, help="For providers: also those who may be mailed again some day.")
@out_option
def export(
    *,
    domain: str | None,
    reasons: tuple[str, ...],
    form: str | None,
    is_hashed: bool,
    with_temporary: bool,
    out: Path | None,
) -> None:
    """Write the list for people, programs or a provider.

    A provider keeps what it is given for ever, so its file has those alone whose suppression has no end, unless
    --with-temporary is given. Hashes are HMAC-SHA-256, with the key that `hash_key` of the settings names, or else
    MAILEVENTS_HASH_KEY.
    """
    from mailevents_dagster.deliverability.suppression.formats import belongs

    settings, form = configured(), form or "csv"
    if is_hashed and form in FOR_PROVIDERS:
        raise click.UsageError("--hashed goes with csv, json or parquet; providers know no hashes.")
    key = _hash_key(settings, domain) if is_hashed else None
    entries = [one for one in list_now(settings, domain).entries if not reasons or one.reason in reasons]
    if form in FOR_PROVIDERS:
        lasting = [one for one in entries if with_temporary or one.until is None]
        chosen = [one for one in lasting if belongs(one, form)]
        _say_left_out(len(entries) - len(lasting), "may be mailed again some day; --with-temporary takes them in")
        _say_left_out(
            len(lasting) - len(chosen), "are on the list for other reasons: `mailgun`, -complaints, -unsubscribes"
        )
        entries = chosen
    _write(entries, form, out, key)


def _say_left_out(count: int, why: str) -> None:
    if count:
        click.echo(f"Left out, since they {why}: {count:,}.", err=True)


def _hash_key(settings: "Settings", domain: str | None) -> bytes:
    variable = judged_domain(settings, domain).suppression.hash_key_variable or HASH_KEY
    key = os.environ.get(variable, "").strip()
    if len(key) < SHORTEST_KEY:
        raise click.UsageError(
            f"{variable} holds no key of {SHORTEST_KEY} characters or more, by which addresses are hashed; put a long "
            "random text there."
        )
    return key.encode()


def _write(entries: "list[Entry]", form: str, out: Path | None, key: bytes | None) -> None:
    from mailevents_dagster.deliverability.suppression.formats import write

    with _opened(out) as file:
        write(file, form, entries, key)
    if out:
        click.echo(f"{out}: {len(entries):,} addresses.", err=True)


@contextmanager
def _opened(out: Path | None) -> "Iterator[IO[bytes]]":
    from mailevents_dagster.files.atomic import publish

    if out is None or str(out) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    else:
        with publish(out.absolute()) as file:
            yield file


def _show(entries: "list[Entry]") -> None:
    from rich.markup import escape

    from mailevents_dagster.deliverability.addresses import flags_of
    from mailevents_dagster.deliverability.suppression.evidence import moment
    from mailevents_dagster.files.printable import printable

    rows = table("address", "reason", "since", "until", "rule", "flags", whole=("since", "until"))
    for one in entries:
        until = f"{moment(one.until):%Y-%m-%d %H:%M}" if one.until else ""
        since = f"{moment(one.evidence.at):%Y-%m-%d %H:%M}"
        words = (printable(one.address, 254), ", ".join(one.held), since, until, printable(one.evidence.rule, 100))
        rows.add_row(*map(escape, words), escape(", ".join(flags_of(one.key))))
    console().print(rows)
    click.echo(f"{len(entries):,} addresses; times are UTC.")


def _try_rules(settings: "Settings", domain: str | None, file: Path, *, as_json: bool) -> Exit:
    """Show what other rules would make of the stored outcomes."""
    from mailevents_dagster.deliverability.suppression.entries import difference
    from mailevents_dagster.deliverability.suppression.rules_file import rules_in
    from mailevents_dagster.settings import SettingsError

    now = round(time.time() * 1000)
    try:
        rules = rules_in(file)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    old, new = replayed(settings, domain, None, now), replayed(settings, domain, rules, now)
    found = difference({one.key: one for one in old.entries}, {one.key: one for one in new.entries})
    click.echo(
        f"By {old.hours_kept:,} of {old.hours:,} hours; what was destroyed or never stored does not count.", err=True
    )
    _show_difference(found, as_json=as_json)
    return Exit.DONE if found.added or found.removed or found.changed else Exit.NOTHING


def _show_difference(found: "Difference", *, as_json: bool) -> None:
    import orjson

    from mailevents_dagster.deliverability.suppression.entries import facts_of
    from mailevents_dagster.files.printable import printable

    if as_json:
        changed = [{"is": facts_of(was), "would_be": facts_of(will)} for was, will in found.changed]
        sides = {"added": found.added, "removed": found.removed}
        content: dict[str, Any] = {name: [facts_of(one) for one in entries] for name, entries in sides.items()}
        click.echo(orjson.dumps(content | {"changed": changed}, option=orjson.OPT_INDENT_2))
        return
    for sign, entries in (("+", found.added), ("-", found.removed)):
        for one in entries:
            click.echo(f"{sign} {printable(one.address, 254)}: {one.said}")
    for was, will in found.changed:
        click.echo(f"~ {printable(was.address, 254)}: {was.said}; would be {will.said}")
    click.echo(
        f"{len(found.added):,} addresses would be added, {len(found.removed):,} taken off, "
        f"{len(found.changed):,} held otherwise. Nothing was changed."
    )


for command in (why, add, remove, check):
    suppression.add_command(command)
