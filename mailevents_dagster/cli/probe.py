"""`mailevents probe`."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from mailevents_dagster.cli.terminal import Exit, FiniteRange, configured, feeds_like

if TYPE_CHECKING:
    from mailevents_dagster.sources.uzmanposta.probe_findings import Finding


@click.command()
@click.option("--feed", required=True, metavar="FEED", help="One feed, such as 'example.com mail/incominglog'.")
@click.option("--wait", default=0.0, type=FiniteRange(0, 3600), help="Look again after so many seconds.")
@click.option("--with-domain", is_flag=True, help="Name the domain in what is printed.")
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object.")
def probe(feed: str, wait: float, *, with_domain: bool, as_json: bool) -> None:
    """Ask the API in a few calls how it behaves, beside what is assumed of it: a table in Markdown.

    It holds no key, no address and no subject. Ends with 1 where something differs in a way that matters.
    """
    import json
    from dataclasses import asdict, replace

    from mailevents_dagster.sources.uzmanposta import probe as module
    from mailevents_dagster.sources.uzmanposta.accounts import access_of
    from mailevents_dagster.sources.uzmanposta.errors import ApiError

    settings = configured()
    feeds = feeds_like(settings, (feed,))
    if len(feeds) > 1:
        raise click.UsageError(f"{len(feeds):,} feeds match {feed}; name one, such as '{feeds[0]}'.")
    [one] = feeds
    click.echo(
        f"Making at most {module.calls_needed(one, waits=wait > 0)} calls; one that fails in passing is made again.",
        err=True,
    )
    # Two attempts: what fails in passing is not what is asked about.
    access = replace(access_of(settings, one.domain), max_attempts=2)
    try:
        findings, calls = module.probe(access, one, settings.collect.settle_minutes * 60, wait)
    except (ApiError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{calls} calls were made.", err=True)
    name = str(one) if with_domain else one.name
    if as_json:
        answers = [asdict(finding) for finding in findings]
        click.echo(json.dumps({"feed": name, "calls": calls, "answers": answers}, indent=2))
    else:
        click.echo(_markdown(name, findings))
    sys.exit(Exit.SOME_FAILED if any(finding.agrees == "no" for finding in findings) else Exit.DONE)


def _markdown(name: str, findings: "Sequence[Finding]") -> str:
    rows = [("question", "assumed", "found", "agrees"), ("---",) * 4]
    rows += [(one.question, one.assumed, one.found, one.agrees) for one in findings]
    table = "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)
    return f"Probe of {name}\n\n{table}"
