"""The client of a mailbox, made as the settings say."""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path

from mailevents_dagster.settings import Settings
from mailevents_dagster.sharing.number_places import place_of
from mailevents_dagster.sources.mailbox.collect import MailboxClient
from mailevents_dagster.sources.mailbox.delivery.sftp_feed import SftpFeed
from mailevents_dagster.sources.mailbox.graph.calls import Access, Calls
from mailevents_dagster.sources.mailbox.graph.reader import GraphReader
from mailevents_dagster.sources.mailbox.imap.access import Access as ImapAccess
from mailevents_dagster.sources.mailbox.imap.reader import ImapReader
from mailevents_dagster.sources.mailbox.reader import Reader
from mailevents_dagster.sources.mailbox.settings import SIMULATOR, Mailbox, MailboxSettings
from mailevents_dagster.sources.mailbox.tokens import Application
from mailevents_dagster.store.layout import scratch_folder
from mailevents_dagster.store.opening import store_of


def client_of(settings: Settings, address: str) -> MailboxClient:
    """Return the client of a mailbox that the settings name."""
    mailbox, store = mailbox_of(settings, address), store_of(settings)
    deliveries = SftpFeed(store, mailbox) if mailbox.deliver else None
    reader = reader_of(settings, mailbox)
    return MailboxClient(reader, store.blobs, bodies=mailbox.bodies, deliveries=deliveries)


def mailbox_of(settings: Settings, address: str) -> Mailbox:
    return next(one for one in settings.section(MailboxSettings).mailboxes if one.address == address)


def reader_of(settings: Settings, mailbox: Mailbox) -> Reader:
    """Return what reads a mailbox."""
    if mailbox.protocol == "imap":
        return ImapReader(imap_access_of(mailbox))
    return GraphReader(Calls(access_of(settings, mailbox)))


def access_of(settings: Settings, mailbox: Mailbox) -> Access:
    """Return how a mailbox is reached by Graph; starts the simulator if it is on it."""
    if mailbox.tenant_id == SIMULATOR:
        from mailevents_dagster.sources.mailbox.simulator import embedded  # a whole Graph, which few need

        url = embedded()
        application = Application(url, SIMULATOR, SIMULATOR, secret=SIMULATOR)
        base_url = f"{url}/v1.0"
    else:
        application, base_url = application_of(mailbox), mailbox.base_url
    named = f"{base_url} {application.tenant} {application.client_id} {mailbox.address}"
    name = f"graph-{blake2b(named.encode(), digest_size=16).hexdigest()}"
    file = scratch_folder(settings.storage) / "budgets" / f"{name}.calls"
    return Access(mailbox.address, application, base_url, place_of(name, file, settings.postgres))


def imap_access_of(mailbox: Mailbox) -> ImapAccess:
    """Return how a mailbox is reached by IMAP, with its password as the environment has it now."""
    variable = mailbox.password_variable
    return ImapAccess(
        mailbox.address,
        mailbox.host or "",
        mailbox.port,
        password=os.environ[variable].strip() if variable else None,
        application=None if variable else application_of(mailbox),
        ca_bundle=mailbox.ca_bundle,
    )


def application_of(mailbox: Mailbox) -> Application:
    """Return the application that may read a mailbox, its secret as the environment has it now."""
    variable = mailbox.client_secret_variable
    return Application(
        mailbox.authority,
        mailbox.tenant_id or "",
        mailbox.client_id or "",
        secret=os.environ[variable].strip() if variable else None,
        certificate=Path(mailbox.certificate) if mailbox.certificate else None,
        ca_bundle=mailbox.ca_bundle,
    )
