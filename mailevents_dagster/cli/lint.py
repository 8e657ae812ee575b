"""`mailevents lint`."""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from mailevents_dagster.cli.terminal import Exit, extra, json_option

if TYPE_CHECKING:
    from mailevents_dagster.deliverability.lint.keys import AskKey

STDIN: Final = Path("-")
MOST: Final = 64 * 1024**2
"""Bytes of a message that is read; more than twice as many as any large receiver takes."""
SAY_EVERY: Final = 5.0


@click.command()
@click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--bulk", is_flag=True, help="Judge them as bulk mail, whatever their headers say.")
@click.option("--resolver", metavar="HOST:PORT", help="The name server that is asked for DKIM keys; else the system's.")
@click.option("--no-dns", is_flag=True, help="Ask no name server: signatures stay unchecked.")
@json_option("For programs: one JSON object a line, for each message.")
def lint(*, paths: tuple[Path, ...], bulk: bool, resolver: str | None, no_dns: bool, as_json: bool) -> None:
    """Say what receivers and readers will hold against a message: what is wrong, why it matters, and what to do.

    FILE is a raw message (.eml), a folder of them, or - for standard input. Needs no settings. Ends with 1 where a rule
    of weight `error` fails or a file cannot be read, with 3 where there is no message. docs/lint.md explains each rule.
    """
    with extra("deliverability"):
        exits = [*_linted(paths, _asker(resolver, no_dns=no_dns), is_bulk=bulk, as_json=as_json)]
    if not exits:
        click.echo("There is no message in these folders.", err=True)
    sys.exit(max(exits, default=Exit.NOTHING))


def _linted(paths: Sequence[Path], ask: "AskKey", *, is_bulk: bool, as_json: bool) -> Iterator[Exit]:
    """Say what is wrong with each message, and yield how that ended."""
    import json

    from mailevents_dagster.collecting.interval import Every
    from mailevents_dagster.deliverability.lint.linting import findings_of, has_error
    from mailevents_dagster.deliverability.lint.mail import mail_of
    from mailevents_dagster.deliverability.lint.showing import content_of, lines_of

    interval = Every(SAY_EVERY)
    for place, path in enumerate(_files(paths)):
        if interval.has_passed():
            click.echo(f"{place:,} messages looked at", err=True)
        raw = _read(path)
        if raw is None:
            yield Exit.SOME_FAILED
            continue
        mail = mail_of(raw, ask, time.time(), is_bulk=is_bulk)
        findings = findings_of(mail)
        if as_json:
            click.echo(json.dumps(content_of(str(path), mail.bulk, findings), ensure_ascii=False))
        else:
            click.echo("\n".join(lines_of(str(path), mail.bulk, findings)))
        yield Exit.SOME_FAILED if has_error(findings) else Exit.DONE


def _asker(resolver: str | None, *, no_dns: bool) -> "AskKey":
    from mailevents_dagster.deliverability.lint.keys import ask_nobody, key_asker

    if no_dns:
        return ask_nobody
    from mailevents_dagster.deliverability.dns import Resolver, name_server, system_servers

    try:
        return key_asker(Resolver([name_server(resolver)] if resolver else system_servers()))
    except ValueError as error:
        raise click.UsageError(f"--resolver `{resolver}` {error}.") from error


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield files, and those within folders in the order of their names; hidden ones are left out."""
    for path in paths:
        if path == STDIN or not path.is_dir():
            yield path
            continue
        for folder, names, files in os.walk(path):
            names[:] = sorted(name for name in names if not name.startswith("."))
            yield from (Path(folder, name) for name in sorted(files) if not name.startswith("."))


def _read(path: Path) -> bytes | None:
    """Return the bytes of a message; None, and a word to whoever runs it, where that cannot be."""
    try:
        with click.open_file(str(path), "rb") as file:
            raw: bytes = file.read(MOST + 1)
    except OSError as error:
        click.echo(f"{path} cannot be read: {error.strerror or error}", err=True)
        return None
    if len(raw) > MOST:
        click.echo(f"{path} has more than {MOST // 1024**2} MB; no receiver takes such a mail. Is it one?", err=True)
        return None
    return raw
