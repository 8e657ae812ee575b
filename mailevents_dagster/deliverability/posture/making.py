"""A day of a domain's posture: looked at now, beside what was heard before."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from mailevents_dagster.collecting.interval import Every
from mailevents_dagster.deliverability.answers import Answer, Question
from mailevents_dagster.deliverability.dns import resolver_of
from mailevents_dagster.deliverability.part import Made, Work
from mailevents_dagster.deliverability.posture.asking import Asking
from mailevents_dagster.deliverability.posture.changes import changes
from mailevents_dagster.deliverability.posture.checks import numbers, said, verdicts
from mailevents_dagster.deliverability.posture.dkim import guessed
from mailevents_dagster.deliverability.posture.dkim_keys import LOOK_BACK, dkim_keys_of
from mailevents_dagster.deliverability.posture.findings import Finding, Verdict
from mailevents_dagster.deliverability.posture.looking import Subject, look
from mailevents_dagster.deliverability.posture.policy_file import PolicyFiles
from mailevents_dagster.deliverability.posture.rows import heard_in, table_of
from mailevents_dagster.deliverability.posture.smtp_tls import MailServers
from mailevents_dagster.deliverability.posture.world import World
from mailevents_dagster.deliverability.sending_seen import Seen, seen_the_day_before
from mailevents_dagster.sources.outcomes.settings.posture import PostureSettings

SAY_EVERY: Final = 5.0


def make(work: Work) -> Made:
    """Look at the domain now, beside what was heard before."""
    settings = work.domain.posture
    before, day = _heard_before(work)
    world = World(_asking(settings, work.note).ask, before, day)
    subject = _subject(work, seen_the_day_before(work))
    interval = Every(SAY_EVERY)
    findings = look(subject, time.time(), world, lambda text: work.note(text) if interval.has_passed() else None)
    changed = [*changes(work.domain.domain, before, world.heard)]
    words = [text for _, text in changed]
    return Made(
        table_of(findings, world.heard, changed),
        numbers(findings, world.heard, words),
        verdicts(findings, world.heard, words),
        said(findings, world.heard, words),
        _picture(findings),
    )


def _subject(work: Work, seen: Seen) -> Subject:
    settings, domain = work.domain.posture, work.domain.domain
    return Subject(
        domain,
        dkim_keys_of(work) or guessed(domain),
        tuple(dict.fromkeys((*settings.sending_ips, *seen.sending_ips))),
        settings.helo,
        frozenset(settings.skip),
        seen.with_tls,
        seen.without_tls,
    )


def _asking(settings: PostureSettings, note: Callable[[str], object]) -> Asking:
    return Asking(
        resolver_of(settings.resolver, note),
        PolicyFiles(settings.https_port, settings.ca_bundle),
        MailServers(settings.smtp_port, settings.ca_bundle),
    )


def _heard_before(work: Work) -> tuple[Mapping[Question, Answer], str]:
    """Return what was heard on the last day that was made, and the day."""
    for day in map(work.day.ago, range(1, LOOK_BACK + 1)):
        rows = work.stored("posture", day)
        if rows is not None:
            return heard_in(rows), day.key
    return {}, ""


def _picture(findings: list[Finding]) -> bytes:
    from mailevents_dagster.deliverability.posture.picture import picture  # takes half a second of every other run

    return picture(Counter((one.topic, one.verdict) for one in findings if one.verdict is not Verdict.NOTE))
