"""Who is told of a domain's suppression list, by the settings, and what the outbox calls each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.sources.outcomes.feeds import SUPPRESSION_SQS, SUPPRESSION_WEBHOOK
from mailevents_dagster.sources.outcomes.settings.section import DomainSettings


@dataclass(frozen=True, slots=True)
class Receiver:
    """Another system that is told."""

    feed: Feed
    """Of what it took."""
    place: str
    """Where it is, without secrets."""
    destination: str
    """Its name in the outbox: who is told of hashes is another than who is told of addresses."""


def receivers_of(domain: DomainSettings) -> Iterator[Receiver]:
    push = domain.suppression.push
    if push is None:
        return
    places = {}
    if push.sqs:
        places[SUPPRESSION_SQS] = push.sqs.name
    if push.webhook:
        # Paths and queries of such addresses may be secrets, and destinations stand in logs.
        digest = hashlib.sha256(push.webhook.url.encode()).hexdigest()[:8]
        places[SUPPRESSION_WEBHOOK] = f"{urlsplit(push.webhook.url).netloc} {digest}"
    for kind, place in places.items():
        yield Receiver(Feed(domain.domain, kind), place, f"{domain.domain} {kind.type} {push.addresses} {place}")
