"""Lanes in a run of Dagster: the clients of its feeds, and the runner that collects ahead for all of its steps."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Final

import dagster as dg

from mailevents_dagster.collecting.going_on import GoingOn
from mailevents_dagster.collecting.outcomes import Task
from mailevents_dagster.collecting.runner import More, Runner
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.orchestration.runs_in_flight import GOES_ON, are_waited_for
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.client import Client
from mailevents_dagster.store.store import Store

COLLECTING_AHEAD: Final = "collecting_ahead"


def sources_of(feeds: Iterable[Feed]) -> set[str]:
    """Return the keys of the resources that have the feeds' clients: each source's name."""
    return {feed.kind.source for feed in feeds}


def client_in(context: Any) -> Callable[[Feed], Client]:
    """Return what finds a feed's client among the resources of a context."""

    def client(feed: Feed) -> Client:
        found: Client = getattr(context.resources, feed.kind.source).client(feed.domain)
        return found

    return client


def more_of_run(
    context: dg.AssetExecutionContext, settings: Settings, store: Store, tasks: Sequence[Task]
) -> More | None:
    """Return what gives the lanes of a run more to do; None where it collects what it was asked for and no more."""
    if GOES_ON not in context.run.tags:
        return None
    minutes = float(context.run.tags[GOES_ON])
    going_on = GoingOn(settings, store, tasks, minutes, lambda feeds: not are_waited_for(context.instance, feeds))

    def more(feeds: Collection[Feed]) -> Sequence[Task]:
        try:
            return going_on(feeds)
        except Exception as error:  # what was asked for is collected: whatever this is, the next run comes upon it
            context.log.warning(f"This run does not look for what else is due: {error}")
            return ()

    return more


class Ahead:
    """Collects for the steps of a run, lanes side by side, while Dagster takes one step after the other."""

    def __init__(self, client: Callable[[Feed], Client]) -> None:
        self.client = client
        self.has_begun = False
        self.runners: dict[Feed, Runner] = {}
        """By the feeds whose steps have not come for them yet."""
        self._running = ExitStack()

    def begin(self, feeds: Sequence[Feed], runner: Runner) -> None:
        self.has_begun = True
        self.runners |= dict.fromkeys(feeds, self._running.enter_context(runner))

    def stop(self) -> None:
        self._running.close()


def collecting_ahead(sources: Iterable[str]) -> dg.ResourceDefinition:
    """Return the resource; it ends before those of the sources, since it uses their clients."""

    @dg.resource(required_resource_keys=set(sources), description=Ahead.__doc__)
    def ahead(context: dg.InitResourceContext) -> Iterator[Ahead]:
        made = Ahead(client_in(context))
        try:
            yield made
        finally:
            made.stop()

    return ahead
