"""The sources that there are: the one list that puts them together."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mailevents_dagster.model.feed import FeedKind
from mailevents_dagster.model.source import Source, kinds_of
from mailevents_dagster.settings import Settings, loading
from mailevents_dagster.sources.mailbox import settings as mailbox_settings
from mailevents_dagster.sources.mailbox.source import MAILBOX
from mailevents_dagster.sources.maillog import settings as maillog_settings
from mailevents_dagster.sources.maillog.source import MAILLOG
from mailevents_dagster.sources.outcomes.settings import section as outcomes_settings
from mailevents_dagster.sources.outcomes.source import OUTCOMES_SOURCE
from mailevents_dagster.sources.uzmanposta import settings as uzmanposta_settings
from mailevents_dagster.sources.uzmanposta.source import UZMANPOSTA
from mailevents_dagster.sources.webhook import settings as webhook_settings
from mailevents_dagster.sources.webhook.source import WEBHOOK

SOURCES: Final[tuple[Source, ...]] = (UZMANPOSTA, MAILLOG, MAILBOX, WEBHOOK, OUTCOMES_SOURCE)
"""Those whose feeds are made of others' come last."""

DEMO: Final[Mapping[str, object]] = {
    **uzmanposta_settings.DEMO,
    **maillog_settings.DEMO,
    **mailbox_settings.DEMO,
    **outcomes_settings.DEMO,
    **webhook_settings.DEMO,
}
"""Settings of a project that has no file."""

FEED_KINDS: Final[Mapping[str, FeedKind]] = kinds_of(SOURCES)
"""Every kind of feed, by its name."""


def load_project() -> Settings:
    """Return the settings that are found, with the .env beside them in the environment."""
    return loading.load_project(SOURCES, DEMO)


def load_settings(
    path: Path | None = None, environ: Mapping[str, str] = os.environ, now: float | None = None
) -> Settings:
    """Return the settings of a file: the given one, or the one that is found; with no file, those of the demo."""
    return loading.load_settings(path, environ, now, sources=SOURCES, demo=DEMO)
