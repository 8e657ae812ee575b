"""`mailevents hygiene`: a list of addresses, cleaned before it is mailed."""

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any, Final

import click

from mailevents_dagster.cli.terminal import Exit, configured, console, extra, json_option, show_json

if TYPE_CHECKING:
    from mailevents_dagster.deliverability.hygiene.cleaning import Known, Report
    from mailevents_dagster.deliverability.hygiene.domains import LookUp
    from mailevents_dagster.deliverability.hygiene.notes import Notes
    from mailevents_dagster.deliverability.hygiene.table_file import TableFile, Told
    from mailevents_dagster.sources.outcomes.settings.section import DomainSettings

SAY_EVERY: Final = 5.0
Said = Callable[[str, int], object]


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True))
@click.option("--column", metavar="NAME|NUMBER", help="Where the addresses are, numbered from 1; else it is found.")
@click.option("--delimiter", metavar="SIGN", help="Between columns, `tab` for a tab; else it is found.")
@click.option("--quote", metavar="SIGN", help="Around cells, '' for none; else it is found.")
@click.option("--encoding", metavar="NAME", help="Such as utf-8 or cp1254; else it is found.")
@click.option(
    "--header/--no-header", "has_header", default=None, help="Whether the first row names columns; else found."
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Rows that may be mailed.")
@click.option("--rejected", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="The other rows.")
@click.option("--no-dns", "is_offline", is_flag=True, help="Do not ask whether domains take mail.")
@click.option(
    "--resolver",
    metavar="HOST:PORT",
    help="The name server that is asked; else those of `posture` in the settings, or of this machine.",
)
@click.option(
    "--domain", metavar="DOMAIN", help="Whose suppression list and deliveries count, where there are several."
)
@json_option()
def hygiene(
    *,
    file: Path,
    column: str | None,
    delimiter: str | None,
    quote: str | None,
    encoding: str | None,
    has_header: bool | None,
    out: Path | None,
    rejected: Path | None,
    is_offline: bool,
    resolver: str | None,
    domain: str | None,
    as_json: bool,
) -> None:
    """Clean a list of addresses: a file with the rows that may be mailed, one with the others, each row with why.

    The file has one of any form, and any other columns, which are kept. Without --out and --rejected they are
    NAME.cleaned.csv and NAME.rejected.csv beside it. Nobody is mailed.

    Ends with 1 where domains could not be asked; their rows are kept, and named.
    """
    with extra("deliverability"):
        from mailevents_dagster.deliverability.hygiene import cleaning  # noqa: F401 - loads what the extra installs
        from mailevents_dagster.deliverability.hygiene.table_file import TableFileError, table_file
    judged = _judged(domain)
    look_up = _look_up(resolver, judged, is_offline=is_offline)
    told = _told(encoding, delimiter, quote, column, has_header=has_header)
    outs = _outs(file, out, rejected)
    with _spooled(file) as path:
        try:
            report, more = _cleaned(table_file(path, told), outs, look_up, judged)
        except TableFileError as error:
            raise click.ClickException(str(error)) from error
    if as_json:
        show_json({**report.content(), **more, "cleaned": str(outs[0]), "rejected": str(outs[1])})
    else:
        _show(report, more, outs)
    sys.exit(Exit.SOME_FAILED if report.unknown else Exit.DONE)


def _told(
    encoding: str | None, delimiter: str | None, quote: str | None, column: str | None, *, has_header: bool | None
) -> "Told":
    from mailevents_dagster.deliverability.hygiene.table_file import Told

    sign = {"tab": "\t", r"\t": "\t"}.get(delimiter or "", delimiter)
    if len(sign or " ") != 1 or len(quote or "") > 1:
        raise click.UsageError("--delimiter and --quote take one sign each.")
    return Told(encoding, sign, quote, has_header, column)


def _outs(file: Path, out: Path | None, rejected: Path | None) -> tuple[Path, Path]:
    if not file.is_file() and not (out and rejected):
        raise click.UsageError("--out and --rejected are needed where the list is no file, as from standard input.")
    outs = (
        (out or file.with_name(f"{file.stem}.cleaned.csv")).absolute(),
        (rejected or file.with_name(f"{file.stem}.rejected.csv")).absolute(),
    )
    if len({outs[0].resolve(), outs[1].resolve(), file.resolve()}) < 3:
        raise click.UsageError("--out, --rejected and the list itself must be three files.")
    for one in outs:
        if not one.parent.is_dir():
            raise click.UsageError(f"{one.parent} is no folder; make it first.")
    return outs


@contextmanager
def _spooled(file: Path) -> Iterator[Path]:
    """Yield a file that can be read twice."""
    if file.is_file():
        yield file
        return
    given = sys.stdin.buffer if str(file) == "-" else file.open("rb")
    with given, NamedTemporaryFile(prefix="mailevents-hygiene-") as kept:
        shutil.copyfileobj(given, kept)
        kept.flush()
        yield Path(kept.name)


def _judged(named: str | None) -> "DomainSettings | None":
    """Return the domain whose list and name servers count; None where the settings judge none."""
    from mailevents_dagster.cli.judged_domain import judged_domain
    from mailevents_dagster.sources.outcomes.settings.section import DeliverabilitySettings

    settings = configured()
    # Without settings there is the demo, whose made-up mails say nothing of anybody.
    is_judged = settings.source is not None and settings.section(DeliverabilitySettings).deliverability
    return judged_domain(settings, named) if named or is_judged else None


def _look_up(resolver: str | None, judged: "DomainSettings | None", *, is_offline: bool) -> "LookUp | None":
    if is_offline:
        if resolver:
            raise click.UsageError("--no-dns and --resolver contradict each other.")
        return None
    with extra("deliverability"):
        from mailevents_dagster.deliverability.dns import Resolver, name_server, resolver_of
        from mailevents_dagster.deliverability.hygiene.mail_domains import takes_mail
        from mailevents_dagster.sources.outcomes.settings.posture import ResolverSettings

    asked = judged.posture.resolver if judged else ResolverSettings()
    try:
        asking = Resolver([name_server(resolver)]) if resolver else resolver_of(asked, partial(click.echo, err=True))
    except ValueError as error:
        raise click.UsageError(f"--resolver `{resolver}` {error}.") from error
    return lambda domain: takes_mail(domain, asking.ask)


def _cleaned(
    file: "TableFile", outs: tuple[Path, Path], look_up: "LookUp | None", judged: "DomainSettings | None"
) -> "tuple[Report, dict[str, Any]]":
    from mailevents_dagster.deliverability.hygiene.cleaning import Report, ask_domains, clean, note_domains
    from mailevents_dagster.deliverability.hygiene.notes import notes

    report = Report()
    click.echo(f"Reading {file.name} of a {file.encoding} file with {_sign(file.delimiter)} between columns.", err=True)
    with notes() as remembered:
        with _progress(None) as said:
            rows = note_domains(file, remembered, said)
        report.domains = remembered.count_domains()
        if look_up:
            with _progress(report.domains) as said:
                ask_domains(remembered, look_up, report, said)
        known, more = _known(judged, remembered)
        with _progress(rows) as said:
            clean(file, remembered, known, *outs, report, said)
    return report, {"column": file.name, "asked_dns": look_up is not None, **more}


def _sign(delimiter: str) -> str:
    return "tabs" if delimiter == "\t" else f"`{delimiter}`"


def _known(judged: "DomainSettings | None", remembered: "Notes") -> "tuple[Known, dict[str, Any]]":
    """Return what the store knows of addresses, and what is said of that in the report."""
    from mailevents_dagster.cli.suppression_now import list_now
    from mailevents_dagster.deliverability.hygiene.activity import SILENCE, note_activity
    from mailevents_dagster.deliverability.hygiene.cleaning import Known
    from mailevents_dagster.store.opening import store_of

    if judged is None:
        return Known(), {"domain": None, "activity": None}
    settings, domain, now = configured(), judged.domain, int(time.time())
    held = {one.key: one.said for one in list_now(settings, domain).entries}
    with _progress(None) as said:
        activity = note_activity(settings, store_of(settings), domain, remembered, now, said)
    known = Known(held, now - SILENCE if activity.can_tell else None)
    return known, {"domain": domain, "on_the_suppression_list": len(held), "activity": activity.content()}


@contextmanager
def _progress(total: int | None) -> Iterator[Said]:
    from mailevents_dagster.cli.progress import progress

    what = [""]

    def told(done: int) -> str:
        return f"{done:,} of {total:,} {what[0]}" if total else f"{done:,} {what[0]}"

    with progress(console(stderr=True), total, told) as advance:

        def said(doing: str, more: int) -> None:
            what[0] = doing
            advance(more)

        yield said


def _show(report: "Report", more: dict[str, Any], outs: tuple[Path, Path]) -> None:
    click.echo(f"{report.rows:,} rows, {report.domains:,} domains.")
    click.echo(f"{report.kept:,} may be mailed, {report.looked_at:,} of them after somebody has looked: {outs[0]}")
    click.echo(f"{report.left_out:,} are left out: {outs[1]}")
    for reason, count in report.reasons.most_common():
        click.echo(f"  {count:>12,}  {reason.value}")
    if not more["asked_dns"]:
        click.echo("Nobody asked whether the domains take mail (--no-dns).")
    for why, count in report.unknown.most_common(5):
        click.echo(f"{count:,} domains could not be asked: {why}")
    if more["domain"] is None:
        click.echo("The settings judge no domain, so nothing is known of suppression or activity.")
    else:
        for sentence in more["activity"]["unknown"]:
            click.echo(sentence)
