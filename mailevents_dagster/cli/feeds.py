"""`mailevents feeds`."""

import time

import click

from mailevents_dagster.cli.terminal import configured, console, json_option, lasting, show_json, table


@click.command()
@json_option("For programs: one JSON array.")
def feeds(*, as_json: bool) -> None:
    """Show every feed of the settings, how it is reached, and how far it is. Makes no call."""
    from mailevents_dagster.collecting.feed_states import states_of
    from mailevents_dagster.health.status import status_of
    from mailevents_dagster.model.hour import Hour
    from mailevents_dagster.store.opening import store_of

    settings = configured()
    out = table("feed", "asset", "key in", "endpoint", "first hour", "calls/s", "last collected", "lag")
    rows = []
    states = states_of(settings, store_of(settings))
    for one, state, status in zip(settings.configured, states, status_of(settings, time.time()).feeds, strict=True):
        rate = one.access.get("requests_per_second")
        calls = "" if not state.feed.kind.makes_calls else "unlimited" if rate is None else f"{rate:g}"
        row = {
            "feed": status.feed,
            "asset": "/".join(state.feed.asset_key),
            "account": one.access.get("account"),
            "endpoint": one.access.get("endpoint"),
            "first_hour": Hour(state.start, settings.timezone).key,
        }
        shown = (calls, status.last_collected or "never", lasting(status.lag_seconds))
        out.add_row(*(str(value or "") for value in row.values()), *shown)
        how_far = {"last_collected": status.last_collected, "lag_seconds": status.lag_seconds}
        rows.append({**row, "requests_per_second": rate, **how_far})
    if as_json:
        show_json(rows)
    else:
        console().print(out)
