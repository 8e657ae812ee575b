"""`mailevents demo`."""

import sys

import click

from mailevents_dagster.cli.terminal import Exit


@click.command()
def demo() -> None:
    """Collect the last three closed hours of two simulated domains and show what came of it."""
    from mailevents_dagster.orchestration.demo import DemoRefusedError, run_demo
    from mailevents_dagster.settings import SettingsError

    try:
        succeeded = run_demo()
    except (DemoRefusedError, SettingsError) as error:
        raise click.UsageError(str(error)) from error
    sys.exit(Exit.DONE if succeeded else Exit.SOME_FAILED)
