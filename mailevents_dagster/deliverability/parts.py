"""The parts that there are: the one list that puts them together."""

from __future__ import annotations

from typing import Final

from mailevents_dagster.deliverability.blocklists.part import BLOCKLISTS
from mailevents_dagster.deliverability.complaints.part import COMPLAINTS
from mailevents_dagster.deliverability.dmarc.part import DMARC
from mailevents_dagster.deliverability.lint.part import LINT
from mailevents_dagster.deliverability.part import Part
from mailevents_dagster.deliverability.posture.part import POSTURE
from mailevents_dagster.deliverability.proof.part import PROOF
from mailevents_dagster.deliverability.queues.part import QUEUES
from mailevents_dagster.deliverability.suppression.part import SUPPRESSION
from mailevents_dagster.deliverability.warmup.part import WARMUP

PARTS: Final[tuple[Part, ...]] = (POSTURE, BLOCKLISTS, SUPPRESSION, WARMUP, QUEUES, PROOF, DMARC, COMPLAINTS, LINT)
