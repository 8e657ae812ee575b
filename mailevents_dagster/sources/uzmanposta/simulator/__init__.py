"""A simulator of the vendor's API on a loopback port: deterministic mail, its limits, and faults on request."""

from mailevents_dagster.sources.uzmanposta.simulator.api import COMPUTED, Behaviour
from mailevents_dagster.sources.uzmanposta.simulator.calls import Answer, Call, Calls, Faults, Request
from mailevents_dagster.sources.uzmanposta.simulator.mail import EventSource, FixedMail, GeneratedMail
from mailevents_dagster.sources.uzmanposta.simulator.server import Simulator, embedded, serve

__all__ = [
    "COMPUTED",
    "Answer",
    "Behaviour",
    "Call",
    "Calls",
    "EventSource",
    "Faults",
    "FixedMail",
    "GeneratedMail",
    "Request",
    "Simulator",
    "embedded",
    "serve",
]
