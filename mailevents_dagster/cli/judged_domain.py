"""The domain that a command is about, of those that the settings judge."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mailevents_dagster.settings import Settings
    from mailevents_dagster.sources.outcomes.settings.section import DomainSettings

domain_option = click.option(
    "--domain", metavar="DOMAIN", help="One of `deliverability` in the settings; needed where there are several."
)


def judged_domain(settings: "Settings", named: str | None) -> "DomainSettings":
    """Return the domain that is named, or the only one; another ends the command."""
    from mailevents_dagster.settings.domain_names import ascii_domain
    from mailevents_dagster.sources.outcomes.settings.section import DeliverabilitySettings

    domains = settings.section(DeliverabilitySettings).deliverability
    known = ", ".join(one.domain for one in domains)
    if not domains:
        raise click.UsageError("The settings judge no domain; write `deliverability:` with `- domain: example.com`.")
    if named is None:
        if len(domains) > 1:
            raise click.UsageError(f"--domain is needed: the settings have {known}.")
        return domains[0]
    try:
        wanted = ascii_domain(named)
    except ValueError as error:
        raise click.UsageError(f"--domain `{named}` {error}.") from error
    found = next((one for one in domains if one.domain == wanted), None)
    if found is None:
        raise click.UsageError(f"--domain `{named}` is not in `deliverability` of the settings; they have {known}.")
    return found
