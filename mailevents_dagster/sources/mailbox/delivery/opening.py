"""How the mails of a mailbox are delivered, as the settings say."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path

from mailevents_dagster.deliveries.opening import outbox_of
from mailevents_dagster.deliveries.sftp_failures import SftpAccess
from mailevents_dagster.sources.mailbox.delivery.delivering import Delivering
from mailevents_dagster.sources.mailbox.delivery.mail import DatabaseSettings
from mailevents_dagster.sources.mailbox.delivery.noting import Noting
from mailevents_dagster.sources.mailbox.delivery.spool import Spool
from mailevents_dagster.sources.mailbox.settings import SIMULATOR, DeliverSettings, Mailbox
from mailevents_dagster.store.store import Store


def delivering_of(store: Store, mailbox: Mailbox, stop: threading.Event) -> Delivering:
    """Return what delivers the mails of a mailbox that the settings tell to deliver."""
    deliver = deliver_settings(mailbox)
    return Delivering(
        outbox_of(store),
        destination_of(mailbox),
        Spool(store.layout.spool(mailbox.address)),
        access_of(deliver, store, os.environ),
        store.blobs,
        database_settings(mailbox),
        stop,
    )


def noting_of(store: Store, mailbox: Mailbox) -> Noting:
    """Return where the mails of a mailbox are noted."""
    return Noting(outbox_of(store), destination_of(mailbox), mailbox.address, deliver_settings(mailbox).since)


def deliver_settings(mailbox: Mailbox) -> DeliverSettings:
    if mailbox.deliver is None:
        raise ValueError(f"{mailbox.address} has no `deliver` in the settings")
    return mailbox.deliver


def database_settings(mailbox: Mailbox) -> DatabaseSettings:
    """Return what databases of a mailbox look like, whether it is delivered or not."""
    if mailbox.deliver is None:
        return DatabaseSettings(mailbox.address)
    return DatabaseSettings(mailbox.address, mailbox.deliver.timezone, mailbox.deliver.columns)


def access_of(deliver: DeliverSettings, store: Store, environ: Mapping[str, str]) -> SftpAccess:
    """Return how one signs in; a made-up server of this process where the settings name one."""
    sftp = deliver.sftp
    if sftp.host == SIMULATOR:
        from mailevents_dagster.sources.mailbox.delivery.simulated_server import simulated_access

        return simulated_access(store.layout.simulated("sftp"))
    password = environ[sftp.password_variable] if sftp.password_variable else None
    key = Path(sftp.key) if sftp.key else None
    return SftpAccess(sftp.host, sftp.user, sftp.folder, Path(sftp.known_hosts), sftp.port, password, key)


def destination_of(mailbox: Mailbox) -> str:
    """Return the name of a mailbox's deliveries in the outbox: another server or folder is another destination."""
    sftp = deliver_settings(mailbox).sftp
    return f"{mailbox.address} sftp://{sftp.host}:{sftp.port}{sftp.folder}"
