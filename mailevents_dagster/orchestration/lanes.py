"""Lanes in a run of Dagster: the clients of its feeds, and the runner that collects ahead for all of its steps."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Final

import dagster as dg

from mailevents_dagster.collecting.runner import Runner
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.sources.client import Client

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
