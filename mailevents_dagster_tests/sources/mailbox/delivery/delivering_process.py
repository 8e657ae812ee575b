"""A process that delivers what waits, for tests that kill it."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import asdict
from pathlib import Path

from mailevents_dagster.deliveries.sftp_failures import SftpAccess
from mailevents_dagster.sources.mailbox.delivery.delivering import Delivered
from mailevents_dagster_tests.sources.mailbox.delivery.mails import FileBlobs, delivering


def delivering_process(folder: Path, access: SftpAccess) -> list[str]:
    return [sys.executable, "-m", __name__, str(folder), json.dumps(asdict(access), default=str)]


def deliver_from(folder: Path, said: str) -> Delivered:
    told = json.loads(said)
    paths = {name: Path(told[name]) if told[name] else None for name in ("known_hosts", "key")}
    return delivering(folder, SftpAccess(**{**told, **paths}), FileBlobs(folder / "blobs")).run()


if __name__ == "__main__":
    logging.disable()
    deliver_from(Path(sys.argv[1]), sys.argv[2])
