"""`mailevents simulate`."""

import click

from mailevents_dagster.cli.terminal import FiniteRange


@click.command()
@click.option("--port", default=8700, show_default=True, type=click.IntRange(0, 65535), help="Port on 127.0.0.1.")
@click.option("--domain", "domains", multiple=True, help="A domain it knows from the start; others it learns.")
@click.option(
    "--events-per-hour",
    default=60.0,
    show_default=True,
    type=FiniteRange(0),
    help="Mean of received mails of a domain.",
)
@click.option("--latency", default=0.0, show_default=True, type=FiniteRange(0), help="Seconds each answer takes.")
@click.option(
    "--requests-per-second",
    type=FiniteRange(0, min_open=True),
    help="Answers 429 beyond this rate of one key.",
)
@click.option("--seed", default=1, show_default=True, help="Another seed, another mail.")
def simulate(
    port: int,
    domains: tuple[str, ...],
    events_per_hour: float,
    latency: float,
    requests_per_second: float | None,
    seed: int,
) -> None:
    """Serve a simulated Uzman Posta API on this machine until stopped.

    Put the address it prints into the settings as api.base_url; any key is accepted.
    """
    from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, serve

    behaviour = Behaviour(
        seed=seed, events_per_hour=events_per_hour, latency_seconds=latency, requests_per_second=requests_per_second
    )
    serve(port, behaviour, domains, announce=lambda url: click.echo(f"Serving {url} until interrupted (Ctrl-C)."))
