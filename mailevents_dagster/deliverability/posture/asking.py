"""All that is asked of the world, by its kind: name servers, policy files, mail servers."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

from mailevents_dagster.deliverability.answers import Answer, unasked
from mailevents_dagster.deliverability.dns import Resolver
from mailevents_dagster.deliverability.posture.mta_sts import POLICY
from mailevents_dagster.deliverability.posture.policy_file import PolicyFiles
from mailevents_dagster.deliverability.posture.smtp_tls import MailServers
from mailevents_dagster.deliverability.posture.starttls import STARTTLS

SECONDS: Final = 120.0
"""A look at one domain ends after this, whatever its servers do."""


@dataclass(frozen=True, slots=True)
class Asking:
    resolver: Resolver
    policy_files: PolicyFiles = field(default_factory=PolicyFiles)
    mail_servers: MailServers = field(default_factory=MailServers)
    ends_at: float = field(default_factory=lambda: time.monotonic() + SECONDS)

    def ask(self, name: str, kind: str) -> Answer:
        if time.monotonic() > self.ends_at:
            return unasked("the time for this look was over, since others were not answered")
        if kind == POLICY:
            return self.policy_files.fetch(name, self.resolver.ask)
        if kind == STARTTLS:
            return self.mail_servers.starttls(name, self.resolver.ask)
        return self.resolver.ask(name, kind)
