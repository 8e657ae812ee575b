"""The domains whose mail is judged, and where what became of it is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Final

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from mailevents_dagster.model.feed import dagster_name
from mailevents_dagster.settings.domain_names import ascii_domain
from mailevents_dagster.settings.fields import Context, FaultError, MailAddress, PastMoment, Strict
from mailevents_dagster.settings.problems import enumeration
from mailevents_dagster.sources.outcomes.settings.lint import LintSettings
from mailevents_dagster.sources.outcomes.settings.posture import TOPICS, BlocklistSettings, PostureSettings
from mailevents_dagster.sources.outcomes.settings.reports import ReportsSettings
from mailevents_dagster.sources.outcomes.settings.suppression import SuppressionSettings
from mailevents_dagster.sources.outcomes.settings.warmup import WarmupSettings

DEMO: Final = {
    "deliverability": [
        {
            "domain": "kuzey.example",
            # Nobody has this domain, so nothing outside is asked about it.
            "posture": {"skip": [*TOPICS]},
            "blocklists": {"ip_zones": [], "domain_zones": []},
        }
    ]
}
"""What the settings of a project that has no file say of deliverability."""

_NAMED: Final = {
    "servers": ("mail_logs", "name"),
    "bounces_to": ("mailboxes", "address"),
    "webhooks": ("webhooks", "name"),
}
"""Which entries of which other section each key names, and by what."""


class DomainSettings(Strict):
    """A domain whose mail is judged."""

    domain: Annotated[str, AfterValidator(ascii_domain)] = Field(
        description="The domain of the senders; subdomains are domains of their own.", examples=["example.com"]
    )
    servers: tuple[str, ...] | None = Field(
        default=None,
        description="The entries of mail_logs, by their names, that its mail leaves by; null: all of them.",
        examples=[["mx1.example.com"]],
    )
    bounces_to: tuple[MailAddress, ...] | None = Field(
        default=None,
        description="The entries of mailboxes, by their addresses, that get its bounces and complaints; null: those "
        "of the domain.",
        examples=[["bounces@example.com"]],
    )
    webhooks: tuple[str, ...] | None = Field(
        default=None,
        description="The entries of webhooks, by their names, that tell of its mail; null: all of them.",
        examples=[["events"]],
    )
    lint: LintSettings | None = Field(
        default=None,
        description="A sample of its mails that is judged each day by the rules on messages; null: none is.",
        examples=[{"mailboxes": ["news@example.com"]}],
    )
    warmup: WarmupSettings = Field(
        default=WarmupSettings(),
        description="How fast its mail may grow.",
        examples=[{"begun": "2026-11-01T00:00"}],
    )
    start: PastMoment | None = Field(
        default=None,
        description="The first hour of what is told of it, where it is later than the general one.",
        examples=["2026-11-01T00:00"],
    )
    suppression: SuppressionSettings = Field(
        default=SuppressionSettings(),
        description="Which addresses must not be mailed any more.",
        examples=[{"soft": {"on_days": 3}}],
    )
    posture: PostureSettings = Field(
        default=PostureSettings(), description="What DNS and mail servers say of it, looked at once a day."
    )
    blocklists: BlocklistSettings = Field(
        default=BlocklistSettings(), description="The lists that it is looked up in, once a day."
    )

    reports: ReportsSettings | None = Field(
        default=None, description="Reports that receivers send of its mail; null: none are read.", examples=[{}]
    )

    @field_validator("domain")
    @classmethod
    def _is_there_once(cls, domain: str, info: ValidationInfo[Context]) -> str:
        taken = info.context.above.setdefault("domains that are judged", {})
        if dagster_name(domain) in taken:
            raise FaultError(f"{domain} and {taken[dagster_name(domain)]} would be one asset; take one of them out")
        taken[dagster_name(domain)] = domain
        return domain

    @field_validator("servers", "bounces_to", "webhooks")
    @classmethod
    def _are_written_once(cls, names: Iterable[str] | None) -> tuple[str, ...] | None:
        return None if names is None else tuple(dict.fromkeys(name.lower() for name in names))


class DeliverabilitySettings(Strict):
    """The key at the top of the file that is about what became of mails."""

    deliverability: tuple[DomainSettings, ...] = Field(
        default=(),
        description="The domains whose mail is judged: what became of it, and whether it can arrive.",
        examples=[[{"domain": "example.com"}]],
    )

    @field_validator("deliverability")
    @classmethod
    def _names_are_there(
        cls, domains: tuple[DomainSettings, ...], info: ValidationInfo[Context]
    ) -> tuple[DomainSettings, ...]:
        """Refuse names of servers, mailboxes and webhooks that the sections of these do not have."""
        for domain in domains:
            if domain.lint and not _mailboxes_of(domain, info):
                raise FaultError(f"{domain.domain}: lint: no mailbox is of the domain; name one in lint.mailboxes")
            named = {key: getattr(domain, key) for key in _NAMED}
            if domain.lint is not None:
                named["lint.mailboxes"] = domain.lint.mailboxes
            if domain.reports is not None:
                named["reports.mailboxes"] = domain.reports.mailboxes
            for key, names in named.items():
                section, name = _NAMED.get(key, ("mailboxes", "address"))
                there = {getattr(entry, name).lower() for entry in info.data.get(section, ())}
                unknown = [one for one in names or () if one.lower() not in there]
                if unknown:
                    raise FaultError(
                        f"{domain.domain}: {key}: {enumeration(unknown)} is not in {section}; add it there"
                    )
        return domains

    def judged(self, domain: str) -> DomainSettings:
        """Return what the file says of a domain."""
        return next(one for one in self.deliverability if one.domain == domain)


def _mailboxes_of(domain: DomainSettings, info: ValidationInfo[Context]) -> Sequence[str]:
    """Return the mailboxes whose mails are judged, as far as they are known."""
    if domain.lint and domain.lint.mailboxes:
        return domain.lint.mailboxes
    of_domain = f"@{domain.domain}"
    return [one.address for one in info.data.get("mailboxes", ()) if one.address.lower().endswith(of_domain)]
