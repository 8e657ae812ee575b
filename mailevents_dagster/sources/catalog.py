"""The sources that there are: the one list that puts them together."""

from collections.abc import Mapping
from typing import Final

from mailevents_dagster.model.feed import FeedKind
from mailevents_dagster.sources.source import Source
from mailevents_dagster.sources.uzmanposta.settings import DEMO as DEMO
from mailevents_dagster.sources.uzmanposta.source import UZMANPOSTA

SOURCES: Final[tuple[Source, ...]] = (UZMANPOSTA,)

FEED_KINDS: Final[Mapping[str, FeedKind]] = {name: kind for source in SOURCES for name, kind in source.kinds.items()}
"""Every kind of feed, by its name."""
