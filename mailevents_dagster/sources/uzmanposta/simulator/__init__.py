"""A simulator of the vendor's API on a loopback port: deterministic mail, its limits, and faults on request."""

from mailevents_dagster.sources.uzmanposta.simulator.behaviour import COMPUTED, Behaviour
from mailevents_dagster.sources.uzmanposta.simulator.calls import Call, Calls
from mailevents_dagster.sources.uzmanposta.simulator.embedded import embedded
from mailevents_dagster.sources.uzmanposta.simulator.faults import Faults
from mailevents_dagster.sources.uzmanposta.simulator.fixed import FixedMail
from mailevents_dagster.sources.uzmanposta.simulator.mail import EventSource, GeneratedMail
from mailevents_dagster.sources.uzmanposta.simulator.messages import Answer, Request
from mailevents_dagster.sources.uzmanposta.simulator.running import Simulator, serve

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
