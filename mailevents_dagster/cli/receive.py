"""`mailevents receive`."""

import logging
import sys

import click

from mailevents_dagster.cli.terminal import Exit, configured


@click.command()
@click.option("--host", metavar="ADDRESS", help="Where to listen; else `receiver.host` of the settings.")
@click.option("--port", type=click.IntRange(0, 65535), help="Its port; else `receiver.port`. 0: any that is free.")
def receive(host: str | None, port: int | None) -> None:
    """Receive the webhooks of the settings until stopped, each request durable before it is acknowledged.

    It writes into the spool alone; `mailevents collect`, or the daemon, makes hours of that.

    Ends with 0: told to stop; 1: something failed; 2: wrong usage or settings; 3: others receive already.
    """
    settings = configured()
    from mailevents_dagster.sharing.locks import HeldError
    from mailevents_dagster.sources.webhook.receiving.serving import AccessError, Listening, serve
    from mailevents_dagster.sources.webhook.settings import received
    from mailevents_dagster.store.opening import store_of

    if not received(settings):
        raise click.UsageError(
            "The settings name no webhook to receive; write one below `webhooks`, as docs/webhooks.md shows."
        )
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)

    def announce(listening: Listening) -> None:
        for path in listening.paths:
            click.echo(f"Receiving at {listening.url}{path}")

    try:
        serve(settings, store_of(settings), announce, host=host, port=port)
    except AccessError as error:
        raise click.UsageError(str(error)) from error
    except HeldError as error:
        click.echo(str(error), err=True)
        sys.exit(Exit.NOTHING)
    click.echo("Stopped. What was acknowledged is kept.", err=True)
