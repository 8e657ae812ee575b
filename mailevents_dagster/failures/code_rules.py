"""What codes say by themselves: RFC 3463, IANA's registry of enhanced codes, RFC 5321, and those of Exchange Online.

`SURE` are believed before the text. `GENERIC` are given for many reasons, so that texts are asked first.
"""

from __future__ import annotations

from typing import Final

from mailevents_dagster.failures.classes import BounceClass, Reason, Rule

_HARD: Final = BounceClass.HARD
_SOFT: Final = BounceClass.SOFT
_POLICY: Final = BounceClass.POLICY


def _span(code: str, last: int) -> tuple[str, ...]:
    """Return the enhanced codes from this one to the one with this last number."""
    head, _, first = code.rpartition(".")
    return tuple(f"{head}.{number}" for number in range(int(first), last + 1))


SURE: Final[tuple[Rule, ...]] = (
    Rule("code-no-mailbox", _HARD, enhanced=("5.1.1", "5.1.3", "5.1.4", "5.1.6")),
    Rule("code-no-domain", _HARD, enhanced=("5.1.2", "5.1.10", "5.4.4", "5.4.310")),
    Rule("code-disabled", _HARD, enhanced=("5.2.1",)),
    Rule("code-owner-changed", _HARD, enhanced=("5.7.17", "5.7.18")),
    Rule("code-mailbox-full", _SOFT, enhanced=("x.2.2",)),
    Rule("code-receives-too-much", _SOFT, enhanced=("x.2.121", "x.2.122")),
    Rule("code-too-large", _POLICY, Reason.RULE, enhanced=("x.2.3", "x.3.4", "x.7.16")),
    Rule("code-system-full", _SOFT, enhanced=("x.3.1",)),
    Rule("code-too-many-recipients", _SOFT, enhanced=("x.5.3",)),
    Rule("code-sender-address", _POLICY, Reason.RULE, enhanced=("x.1.7",)),
    Rule("code-sender-domain", _POLICY, Reason.AUTHENTICATION, enhanced=("x.1.8", "x.7.27")),
    Rule(
        "code-unauthenticated",
        _POLICY,
        Reason.AUTHENTICATION,
        enhanced=(
            *("x.7.20", "x.7.21", "x.7.22", "x.7.23", "x.7.24", "x.7.25", "x.7.26", "x.7.29"),
            *("5.7.506", "5.7.509", "5.7.512", "5.7.515"),
        ),
    ),
    Rule(
        "code-sign-in",
        _POLICY,
        Reason.AUTHENTICATION,
        enhanced=("x.7.8", "x.7.9", "x.7.10", "x.7.11", "x.7.12", "x.7.13", "x.7.14", "x.7.57"),
    ),
    Rule("code-mail-flood", _SOFT, Reason.REPUTATION, enhanced=("4.7.28",)),
    Rule(
        "code-reputation",
        _POLICY,
        Reason.REPUTATION,
        enhanced=(
            *("5.7.28", *_span("5.7.501", 503), "5.7.507", "5.7.508", "5.7.511"),
            *(*_span("5.7.606", 649), *_span("5.7.700", 708), "5.7.750"),
        ),
    ),
    Rule("code-content", _POLICY, Reason.CONTENT, enhanced=("x.5.6", *_span("x.6.1", 10))),
    Rule(
        "code-recipient-rule",
        _POLICY,
        Reason.RULE,
        enhanced=(
            *("x.7.2", "x.7.15", "x.7.19", "x.7.30", "5.7.64", "5.7.124", *_span("5.7.133", 136), "5.7.193"),
            *("5.7.232", "5.7.233", "5.7.505", "5.7.520"),
        ),
    ),
)

GENERIC: Final[tuple[Rule, ...]] = (
    Rule("code-address", _HARD, enhanced=("5.1.0",)),
    Rule("code-not-local", _HARD, codes=(551,)),
    Rule("code-takes-no-mail", _HARD, codes=(521, 556)),
    Rule("code-host-down", _SOFT, enhanced=("5.3.2", "5.4.1", "5.4.2", "5.4.3", "5.4.5")),
    Rule("code-routing-loop", _SOFT, enhanced=("x.4.6", "5.4.14")),
    Rule("code-expired", _SOFT, enhanced=("5.4.7", "5.4.300", "5.4.312", "5.4.316", "5.4.317")),
    Rule("code-content-generic", _POLICY, Reason.CONTENT, enhanced=("5.6.0",)),
    Rule("code-policy", _POLICY, Reason.RULE, enhanced=_span("5.7.0", 999)),
    Rule("code-policy-reply", _POLICY, Reason.RULE, codes=(541, 571)),
    Rule("code-sign-in-reply", _POLICY, Reason.AUTHENTICATION, codes=(530, 534, 535, 538)),
    Rule("code-storage", _SOFT, codes=(552,)),
)
