from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailevents_dagster_tests.sources.webhook.receivers import Running, running


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Running]:
    """A receiver of one webhook of each provider, in this process."""
    with running(tmp_path) as here:
        yield here
