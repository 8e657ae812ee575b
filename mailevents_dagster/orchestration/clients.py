"""Dagster's side of the sources: each is a resource under its name, which holds the clients of a run."""

from collections.abc import Iterator

import dagster as dg

from mailevents_dagster.model.source import Source
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.client import Client


class Clients:
    """The clients of a source, one an owner, the same for all assets of a run. Secrets are read when first needed."""

    def __init__(self, source: Source, settings: Settings) -> None:
        self._source = source
        self._settings = settings
        self._made: dict[str, Client] = {}

    def client(self, owner: str) -> Client:
        if owner not in self._made:
            self._made[owner] = self._source.client(self._settings, owner)
        return self._made[owner]

    def close(self) -> None:
        for client in self._made.values():
            client.close()


def clients_of(source: Source, settings: Settings) -> dg.ResourceDefinition:
    """Return the resource of a source. It has no configuration of its own, so that Dagster shows no more of it."""

    @dg.resource(description=Clients.__doc__)
    def clients() -> Iterator[Clients]:
        made = Clients(source, settings)
        try:
            yield made
        finally:
            made.close()

    return clients
