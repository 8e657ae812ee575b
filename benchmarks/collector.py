"""Measures the collector beside a straightforward one, on the same simulated mail, in the same run.

Every measured process imports this module first, so it loads nothing itself; README.md says how to read the tables.
"""

from __future__ import annotations

import click


@click.command()
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1), help="Runs of each collector.")
@click.option("--quick", is_flag=True, help="One round of two settings, and no memory of long runs.")
@click.option("--memory", "memory_only", is_flag=True, help="The memory of long runs alone.")
@click.option("--memory-hours", default=3, show_default=True, type=click.IntRange(1, 48), help="Hours of a long run.")
def main(*, rounds: int, quick: bool, memory_only: bool, memory_hours: int) -> None:
    """Measure the collector against a straightforward one."""
    import report
    from large_window import list_large_window
    from memory import measure_range_runs
    from speed import ALL_CELLS, QUICK_CELLS, measure_cells

    out = report.console()
    if not memory_only:
        rounds, cells = (1, QUICK_CELLS) if quick else (rounds, ALL_CELLS)
        results = list(measure_cells(cells, rounds, _tell))
        out.print(report.speed_table(results, rounds))
        out.print(report.calls_table(results))
        out.print("In every run both logs held exactly the records of the simulated API, details included.")
        out.print(report.large_window_sentence(list_large_window()))
    if memory_only or not quick:
        out.print(report.memory_table(list(measure_range_runs(memory_hours, _tell))))


def _tell(progress: str) -> None:
    click.echo(progress, err=True)


if __name__ == "__main__":
    main()
