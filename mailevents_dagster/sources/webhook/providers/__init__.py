"""One module a provider: how its requests prove where they are from, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mailevents_dagster.sources.webhook.providers.mailgun import MAILGUN
from mailevents_dagster.sources.webhook.providers.postmark import POSTMARK
from mailevents_dagster.sources.webhook.providers.provider import Provider
from mailevents_dagster.sources.webhook.providers.sendgrid import SENDGRID
from mailevents_dagster.sources.webhook.providers.ses import SES

PROVIDERS: Final[Mapping[str, Provider]] = {one.name: one for one in (SENDGRID, MAILGUN, POSTMARK, SES)}
"""The providers, by the names that settings have for them."""
