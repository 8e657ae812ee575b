"""A simulator of Microsoft Graph on a loopback port: deterministic mail, pages, tokens, and faults on request."""

from mailevents_dagster.sources.mailbox.simulator.answers import Fault
from mailevents_dagster.sources.mailbox.simulator.mailbox import SimulatedMailbox
from mailevents_dagster.sources.mailbox.simulator.mails import Mail, id_of
from mailevents_dagster.sources.mailbox.simulator.raw import raw_message
from mailevents_dagster.sources.mailbox.simulator.server import Behaviour, Simulator, embedded

__all__ = ["Behaviour", "Fault", "Mail", "SimulatedMailbox", "Simulator", "embedded", "id_of", "raw_message"]
