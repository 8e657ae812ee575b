"""What is found in a message, for people and for programs. Pure."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from mailevents_dagster.deliverability.lint.linting import has_error
from mailevents_dagster.deliverability.lint.rule import Finding, Weight
from mailevents_dagster.files.printable import counted, printable

_SHOWN: Final = 3
"""Places that are named of one rule."""
_WIDTH: Final = 100


def lines_of(name: str, bulk: str | None, findings: Sequence[Finding]) -> Iterator[str]:
    """Yield what is wrong with a message, why it matters and what to do, for people."""
    counts = Counter(finding.rule.weight for finding in findings)
    heads = [counted(counts[weight], weight) for weight in Weight if counts[weight]]
    yield f"{name}: {', '.join(heads) or 'nothing is wrong'}"
    if bulk:
        yield f"  It is judged as bulk mail: {bulk}."
    for finding in findings:
        more = f", and {len(finding.said) - _SHOWN:,} more" if len(finding.said) > _SHOWN else ""
        said = printable(f"{'; '.join(finding.said[:_SHOWN])}{more}", 500)
        yield ""
        yield from _wrapped(f"  {finding.rule.weight:7} ", f"{finding.rule.id}: {said}")
        yield from _wrapped("          why: ", finding.rule.reason)
        yield from _wrapped("          do:  ", finding.rule.mend)
    yield ""


def content_of(name: str, bulk: str | None, findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the same for programs."""
    return {
        "file": name,
        "passed": not has_error(findings),
        "bulk": bulk,
        "findings": [
            {
                "rule": one.rule.id,
                "weight": one.rule.weight.value,
                "found": list(one.said),
                "reason": one.rule.reason,
                "mend": one.rule.mend,
            }
            for one in findings
        ],
    }


def _wrapped(before: str, text: str) -> list[str]:
    indented = " " * len(before)
    return textwrap.wrap(
        text, _WIDTH, initial_indent=before, subsequent_indent=indented, break_long_words=False, break_on_hyphens=False
    )
