"""Measures how long cleaning a list of addresses takes, and how much memory: `mailevents hygiene` as it is run."""

from __future__ import annotations

import csv
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Final

import click

COMMAND: Final = str(Path(sys.executable).parent / "mailevents")
LARGE: Final = ("gmail.com", "hotmail.com", "yahoo.com", "outlook.com", "gmx.de", "web.de", "mynet.com", "icloud.com")
KB_A_MB: Final = 1024.0


def write_list(file: Path, rows: int, domains: int) -> None:
    """Write a list as companies have it: half of it at large domains, a tenth of it twice, some of it wrong."""
    random = Random(1)
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["id", "name", "email", "city"])
        for row in range(rows):
            person = random.randrange(rows) if random.random() < 0.1 else row
            own = f"firm{person % domains}.example.com"
            domain = LARGE[person % len(LARGE)] if person % 2 else own
            address = f"first.last{person}@{domain}" if person % 50 else f"wrong address {person}"
            writer.writerow([row, f"Name {person}", address, "Köln"])


def run(arguments: list[str], folder: Path) -> tuple[float, float, float]:
    """Seconds, CPU seconds, and megabytes at the peak, of a command with nothing configured."""
    began, used = time.perf_counter(), cpu_of_children()
    # The environment of cron, and no settings.
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder)}
    subprocess.run([COMMAND, *arguments], check=True, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / KB_A_MB
    return time.perf_counter() - began, cpu_of_children() - used, peak


def cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@click.command()
@click.option("--rows", default=1_000_000, show_default=True, type=click.IntRange(1), help="Of the list.")
@click.option("--domains", default=50_000, show_default=True, type=click.IntRange(1), help="Beside the large ones.")
def main(*, rows: int, domains: int) -> None:
    """Measure hygiene without questions to name servers, which take what they take."""
    with tempfile.TemporaryDirectory(prefix="mailevents-benchmark-") as folder:
        few, many = Path(folder, "few.csv"), Path(folder, "many.csv")
        write_list(few, 10, domains)
        write_list(many, rows, domains)
        # The peak of children only grows, so the small one comes first.
        start, start_cpu, idle = run(["hygiene", "--no-dns", str(few)], Path(folder))
        seconds, cpu, peak = run(["hygiene", "--no-dns", str(many)], Path(folder))
    click.echo(
        f"{rows:,} rows of {domains:,} domains: {seconds:.1f} s, {cpu:.1f} s of CPU; to begin takes {start:.1f} s, "
        f"{start_cpu:.1f} s of CPU. {peak:,.0f} MB at the peak, {idle:,.0f} MB of them before it began."
    )


if __name__ == "__main__":
    main()
