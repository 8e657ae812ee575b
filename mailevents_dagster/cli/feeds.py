"""`mailevents feeds`."""

from typing import Any

import click

from mailevents_dagster.cli.terminal import configured, console, lasting


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON array.")
def feeds(*, as_json: bool) -> None:
    """Every feed of the settings, how it is reached, and how far it is. Makes no call."""
    import json
    import time

    from rich import box
    from rich.table import Table

    from mailevents_dagster.collecting.configuration import states_of, store_of
    from mailevents_dagster.health.status import status_of
    from mailevents_dagster.model.hour import Hour

    settings = configured()
    states = states_of(settings, store_of(settings))
    rows: list[dict[str, Any]] = [
        {
            "feed": str(state.feed),
            "asset": "/".join(state.feed.asset_key),
            "account": one.access.get("account"),
            "endpoint": one.access.get("endpoint"),
            "first_hour": Hour(state.start, settings.timezone).key,
            "requests_per_second": one.access.get("requests_per_second"),
            "last_collected": known.last_collected,
            "lag_seconds": known.lag_seconds,
        }
        for one, state, known in zip(settings.configured, states, status_of(settings, time.time()).feeds, strict=True)
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    table = Table(box=box.SIMPLE)
    for name in ("feed", "asset", "key in", "endpoint", "first hour", "calls/s", "last collected", "lag"):
        table.add_column(name, overflow="fold")
    for row in rows:
        budget = row["requests_per_second"]
        shown = ["unlimited" if budget is None else f"{budget:g}", row["last_collected"] or "never"]
        cells = [row[name] for name in ("feed", "asset", "account", "endpoint", "first_hour")]
        table.add_row(*map(str, [*cells, *shown, lasting(row["lag_seconds"])]))
    console().print(table)
