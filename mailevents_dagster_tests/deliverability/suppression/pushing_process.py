"""A process that notes what receivers of a list are to be told, and is killed before the outbox has it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

from mailevents_dagster.deliveries.message import Message
from mailevents_dagster.deliveries.outbox import Outbox
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster_tests.deliverability.outcomes import Place
from mailevents_dagster_tests.deliverability.suppression.telling import HOUR, collect, hand_over


def _killed_at_the_first(_outbox: Outbox, _destination: str, messages: Iterable[Message]) -> int:
    for _ in messages:
        os.kill(os.getpid(), signal.SIGKILL)
    return 0


if __name__ == "__main__":
    what, folder = sys.argv[1:]
    here = Place(Path(folder), load_settings(Path(folder) / "mailevents.yaml", os.environ))
    if what == "note":
        Outbox.note = _killed_at_the_first  # type: ignore[method-assign]
        hand_over(here)
    else:
        collect(here, "webhook", int(os.environ[HOUR]))
