"""The parts that there are: the one list that puts them together."""

from __future__ import annotations

from typing import Final

from mailevents_dagster.deliverability.lint.part import LINT
from mailevents_dagster.deliverability.part import Part

PARTS: Final[tuple[Part, ...]] = (LINT,)
