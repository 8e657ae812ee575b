"""Measures what a day's answers about domains take, and what a trace over a year of days takes."""

from __future__ import annotations

import random
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Final

import click
import yaml
from processes import in_fresh_process

from mailevents_dagster.deliverability.part import Work
from mailevents_dagster.deliverability.parts import PARTS
from mailevents_dagster.deliverability.proof.part import PROOF
from mailevents_dagster.deliverability.stored import read_part, write_part
from mailevents_dagster.deliverability.trace.finding import Sought, find
from mailevents_dagster.failures.classifying import classify
from mailevents_dagster.model.day import Day
from mailevents_dagster.model.event import Collection
from mailevents_dagster.model.outcome import Became, Outcome
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.json_records import event_with_id
from mailevents_dagster.sources.maillog.feeds import lines_of
from mailevents_dagster.sources.outcomes.collect import record_of
from mailevents_dagster.sources.outcomes.feeds import outcomes_of
from mailevents_dagster.sources.outcomes.settings.section import DeliverabilitySettings
from mailevents_dagster.store.opening import store_of

DAY: Final = Day.from_key("2026-11-20", "UTC")
LINES: Final = lines_of("mx1.example.com", "postfix")
ANSWERS: Final = (
    (Became.DELIVERED, 250, "2.0.0", "250 2.0.0 Ok: queued as {0:X}"),
    (Became.BOUNCED, 550, "5.1.1", "550 5.1.1 <r{0}@dest{1}.example>: Recipient address rejected: User unknown"),
    (Became.DEFERRED, 450, "4.2.0", "450 4.2.0 <r{0}@dest{1}.example>: Recipient address rejected: Greylisted"),
)
SHARES: Final = (90, 4, 6)


def settings_of(folder: Path, domains: int) -> Settings:
    written = {
        "start": "2026-11-20T00:00",
        "storage": str(folder / "data"),
        "mail_logs": [{"name": LINES.domain, "format": "postfix", "files": str(folder / "mail.log*")}],
        "deliverability": [{"domain": f"domain{number}.example"} for number in range(domains)],
    }
    (folder / "mailevents.yaml").write_text(yaml.safe_dump(written))
    return load_settings(folder / "mailevents.yaml")


def outcomes(domain: str, start: int, end: int, count: int, people: int, chance: random.Random) -> Iterator[Outcome]:
    for number in range(count):
        became, code, enhanced, text = chance.choices(ANSWERS, SHARES)[0]
        at, person = start + number * (end - start) // count, chance.randrange(people)
        place = person % 50
        mail = f"{start}.{number}"
        yield Outcome(
            at,
            became,
            mail.encode(),
            recipient=f"r{person}@dest{place}.example",
            sender=f"s{number % 100}@{domain}",
            message_id=f"{mail}@{domain}",
            queue_id=f"{start:X}{number:X}",
            code=code,
            enhanced_code=enhanced,
            text=text.format(person, place),
            relay_host=f"mx.dest{place}.example",
            server=LINES.domain,
            accepted_at=at - 2,
        )


def commit_day(settings: Settings, domain: str, mails: int, people: int) -> None:
    store, chance = store_of(settings), random.Random(domain)
    for hour in DAY.hours:
        told = outcomes(domain, hour.start, hour.end, mails // 24, people, chance)
        events = [event_with_id(record_of(LINES, one.time, one)) for one in told]
        with store.open_hour(outcomes_of(domain), hour) as work:
            work.commit(Collection(events, frozenset(), (), hour.end + 700.0, closed=True, measures={}))


def make_day(folder: Path) -> tuple[dict[str, float], float]:
    """Return the seconds of CPU of each part that is made of outcomes, of all domains, and the megabytes at most."""
    settings = load_settings(folder / "mailevents.yaml")
    store, seconds = store_of(settings), dict[str, float]()
    for domain in settings.section(DeliverabilitySettings).deliverability:
        for part in PARTS:
            if not part.is_wanted(domain) or part.looks_at_the_world(settings, domain):
                continue
            began = time.process_time()
            work = Work(
                settings, domain, store, DAY, lambda name, day, of=domain: read_part(store.layout, of.domain, name, day)
            )
            write_part(store.layout, domain.domain, part, DAY, part.make(work))
            seconds[part.name] = seconds.get(part.name, 0.0) + time.process_time() - began
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def trace_a_year(folder: Path, days: int) -> float:
    """Return the seconds that a trace takes where each of so many days has the last words of the day that is there."""
    store, domain = store_of(load_settings(folder / "mailevents.yaml")), "domain0.example"
    source = store.layout.part(domain, PROOF.name, DAY.key)
    for ago in range(1, days):
        path = store.layout.part(domain, PROOF.name, (DAY.date - timedelta(days=ago)).isoformat())
        path.parent.mkdir(parents=True)
        shutil.copy(str(source), str(path))
    first = next(DAY.hours)
    sought = Sought(f"{first.start}.7@{domain}", Day(DAY.date - timedelta(days=days - 1), "UTC"), DAY)
    taken = []
    for _ in range(5):
        began = time.process_time()
        assert len(find(store, domain, sought, 20, lambda _: None)) == 1
        taken.append(time.process_time() - began)
    return median(taken)


def classified_a_second(count: int) -> float:
    """Return how many failures are classified a second, each of which names another address."""
    chance = random.Random(1)
    asked = [
        (code, enhanced, text.format(chance.randrange(10**9), number))
        for number, (_, code, enhanced, text) in enumerate(chance.choices(ANSWERS[1:], k=count))
    ]
    began = time.process_time()
    for code, enhanced, text in asked:
        classify(code, enhanced, text)
    return count / (time.process_time() - began)


@click.command()
@click.option("--domains", default=20, show_default=True)
@click.option("--mails", default=100_000, show_default=True, help="Outcomes a domain and day.")
@click.option("--people", default=50_000, show_default=True, help="Recipients of a domain; few fail most days.")
@click.option("--year", default=5_500, show_default=True, help="Outcomes a day of the year that is traced.")
def main(domains: int, mails: int, people: int, year: int) -> None:
    click.echo(f"{classified_a_second(200_000):,.0f} failures classified a second of CPU")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = settings_of(folder, domains)
        for number in range(domains):
            commit_day(settings, f"domain{number}.example", mails, people)
            click.echo(f"{number + 1} of {domains} domains are committed", err=True)
        seconds, megabytes = in_fresh_process(make_day, folder)
        parts = ", ".join(f"{part} {taken:.1f}" for part, taken in seconds.items())
        click.echo(
            f"{domains} domains of {mails:,}: {sum(seconds.values()):.1f} s of CPU ({parts}), {megabytes:.0f} MB"
        )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        commit_day(settings_of(folder, 1), "domain0.example", year, people)
        make_day(folder)
        click.echo(
            f"a trace over 365 days of {year:,} outcomes: {in_fresh_process(trace_a_year, folder, 365):.2f} s of CPU"
        )


if __name__ == "__main__":
    main()
