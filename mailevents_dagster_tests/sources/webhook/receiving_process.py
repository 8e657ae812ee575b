"""Receives the webhooks of a settings file: run as a process of its own, to be killed."""

from __future__ import annotations

import sys
from pathlib import Path

from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.webhook.receiving.serving import Listening, serve
from mailevents_dagster.store.opening import store_of


def announce(listening: Listening) -> None:
    print(listening.url, flush=True)  # noqa: T201 - it tells the test where it is


def main(file: Path, port: int) -> None:
    settings = load_settings(file)
    serve(settings, store_of(settings), announce, port=port)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
