"""Delivering what waits, in a process that is killed."""

from __future__ import annotations

import logging
from contextlib import suppress
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from mailevents_dagster.deliveries.sftp_failures import SftpAccess, SftpError
from mailevents_dagster_tests.forks import FORKS
from mailevents_dagster_tests.sources.mailbox.delivery.mails import FileBlobs, delivering


def delivering_process(folder: Path, access: SftpAccess) -> ForkServerProcess:
    """Return a process that begins to deliver, from this folder."""
    process = FORKS.Process(target=_deliver, args=(folder, access))
    process.start()
    return process


def _deliver(folder: Path, access: SftpAccess) -> None:
    logging.disable()
    with suppress(SftpError):  # a server that was killed
        delivering(folder, access, FileBlobs(folder / "blobs")).run()
