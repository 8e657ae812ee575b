"""The posture of a domain as a daily answer."""

from __future__ import annotations

from typing import Final

from mailevents_dagster.deliverability.part import Made, Part, Work
from mailevents_dagster.deliverability.posture.checks import CHECKS
from mailevents_dagster.deliverability.posture.rows import COLUMNS
from mailevents_dagster.sources.outcomes.settings.posture import TOPICS


def _make(work: Work) -> Made:
    from mailevents_dagster.deliverability.posture.making import make  # needs what the extra installs

    return make(work)


POSTURE: Final = Part(
    "posture",
    "What DNS and mail servers say of the domain: SPF, DKIM, DMARC, MX, MTA-STS, TLS and the names of the servers that "
    "send; what it is worth to receivers, and what changed.",
    COLUMNS,
    _make,
    CHECKS,
    is_wanted=lambda domain: not {*TOPICS} <= {*domain.posture.skip},
)
