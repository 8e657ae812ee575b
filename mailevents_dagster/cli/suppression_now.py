"""The ledger of this moment, for commands."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import click

from mailevents_dagster.cli.judged_domain import judged_domain

if TYPE_CHECKING:
    from mailevents_dagster.deliverability.suppression.entries import Entry
    from mailevents_dagster.deliverability.suppression.ledger import Ledger
    from mailevents_dagster.deliverability.suppression.making import Past
    from mailevents_dagster.settings import Settings
    from mailevents_dagster.sources.outcomes.settings.suppression import SuppressionRules

SAY_EVERY: Final = 5.0


@dataclass(frozen=True, slots=True)
class Now:
    """The ledger of a moment, and the list that follows from it."""

    ledger: "Ledger"
    entries: "list[Entry]"
    hours_kept: int
    hours: int


def list_now(settings: "Settings", domain: str | None) -> Now:
    """Return the list of this moment: the newest that was made, and what was told since."""
    return _made(_past(settings, domain, is_from_scratch=False), round(time.time() * 1000))


def replayed(settings: "Settings", domain: str | None, rules: "SuppressionRules | None", now: int) -> Now:
    """Return the list as it would be by these rules, or those of the settings, from all that is stored."""
    from dataclasses import replace

    past = _past(settings, domain, is_from_scratch=True)
    return _made(replace(past, rules=rules) if rules else past, now)


def _made(past: "Past", now: int) -> Now:
    from mailevents_dagster.deliverability.suppression.entries import entries_of
    from mailevents_dagster.deliverability.suppression.making import ledger_now

    found = ledger_now(past, now)
    entries = list(entries_of(found.ledger, past.rules, now))
    return Now(found.ledger, entries, found.hours_kept, found.hours)


def _past(settings: "Settings", named: str | None, *, is_from_scratch: bool) -> "Past":
    from mailevents_dagster.deliverability.stored import read_part
    from mailevents_dagster.deliverability.suppression.making import past_of
    from mailevents_dagster.files.damage import DamagedError
    from mailevents_dagster.sources.outcomes.feeds import SUPPRESSION_LIST
    from mailevents_dagster.store.opening import store_of

    domain, store = judged_domain(settings, named), store_of(settings)
    layout = store.layout
    stored = (lambda _: None) if is_from_scratch else partial(read_part, layout, domain.domain, SUPPRESSION_LIST)
    try:
        return past_of(settings, store, domain, stored, _now_and_then())
    except DamagedError as error:
        raise click.ClickException(
            f"{error}. It holds what people added and removed: restore it from a backup, or set it aside to go on "
            "without."
        ) from error


def _now_and_then() -> Callable[[str], object]:
    """Return what says on stderr what cannot be read, and how far long work is."""
    from mailevents_dagster.collecting.interval import Every

    interval = Every(SAY_EVERY)

    def say(text: str) -> None:
        if "left out" in text or interval.has_passed():
            click.echo(text, err=True)

    return say
