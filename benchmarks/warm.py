"""Measures a Dagster run over a day of hours that are all there: what looking again costs when nothing changed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from typing import Final

import click
from dense import DenseApi
from processes import in_fresh_process
from range_run import RangeRun, run_range

HOURS: Final = 24
EVENTS: Final = 1000


@click.command()
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
def main(rounds: int) -> None:
    """Measure a run over 24 hours of 1,000 mails, first cold, then with all details here."""
    with DenseApi(EVENTS, HOURS) as api, tempfile.TemporaryDirectory(prefix="mailevents-benchmark-") as name:
        runs: list[RangeRun] = [in_fresh_process(run_range, api.base_url, HOURS, Path(name)) for _ in range(1 + rounds)]
    for run in runs:
        if run.events_by_hour != [EVENTS] * HOURS:
            raise SystemExit(f"A run committed {run.events_by_hour} events.")
    warm = median(run.seconds for run in runs[1:])
    click.echo(f"One run over {HOURS} hours of {EVENTS:,} mails: {runs[0].seconds:.2f} s with all details fetched,")
    click.echo(f"{warm:.2f} s (median of {rounds}) when nothing changed and none is.")


if __name__ == "__main__":
    main()
