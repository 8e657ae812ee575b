"""The daily answer: how many of a sample of the domain's mails fail each rule. Nothing in it names a mail."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import pyarrow as pa

from mailevents_dagster.collecting.interval import Every
from mailevents_dagster.deliverability.lint.keys import AskKey, ask_nobody, key_asker
from mailevents_dagster.deliverability.lint.linting import RULES, findings_of
from mailevents_dagster.deliverability.lint.mail import domain_of, mail_of
from mailevents_dagster.deliverability.lint.rule import Rule, Weight
from mailevents_dagster.deliverability.part import Made, Part, Work
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.files.printable import counted
from mailevents_dagster.health.verdicts import Verdict
from mailevents_dagster.model.columns import Column
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.mailbox.feeds import messages_of
from mailevents_dagster.sources.mailbox.settings import MailboxSettings
from mailevents_dagster.sources.outcomes.settings.lint import LintSettings
from mailevents_dagster.sources.outcomes.settings.section import DomainSettings
from mailevents_dagster.summaries.making import events_of

COLUMNS: Final = (
    Column("rule", pa.string(), "The rule, as docs/lint.md names it."),
    Column("weight", pa.string(), "error, warning or notice."),
    Column("mails", pa.int64(), "How many mails were judged."),
    Column("failed", pa.int64(), "How many of them fail the rule."),
)
_READ: Final = ("from_address", "blob", "size")
_LARGEST: Final = 64 * 1024**2
_SAY_EVERY: Final = 5.0
_KEYS_LAST: Final = 7 * 86_400
"""Seconds after a day in which keys of its signatures are asked for: later they may have been changed."""


def make(work: Work) -> Made:
    """Judge a sample of the mails that the domain sent on a day."""
    asked = work.domain.lint or LintSettings()
    sample = _sample(work, asked.sample)
    failed: Counter[str] = Counter()
    judged = 0
    for rules in _failing(work, sample, asked, _keys(work, asked)):
        judged += 1
        failed.update(rules)
    rows = [{"rule": one.id, "weight": one.weight.value, "mails": judged, "failed": failed[one.id]} for one in RULES]
    errors = sum(failed[rule.id] > 0 for rule in _errors())
    return Made(
        rows=pa.Table.from_pylist(rows, schema=pa.schema([column.field for column in COLUMNS])),
        numbers={
            "mails_judged": judged,
            "mails_unreadable": len(sample) - judged,
            "error_rules_failed": errors,
            **{f"failed_{_name(rule)}": failed[rule.id] for rule in RULES if failed[rule.id]},
        },
        verdicts={_name(rule): _verdict(rule, failed[rule.id], judged, asked.tolerated_percent) for rule in _errors()},
        said=_said(failed, judged),
    )


def _sample(work: Work, most: int) -> list[str]:
    """Return the digests of so many mails of the domain, the same ones each time."""
    found: set[str] = set()
    for feed in _feeds(work.settings, work.domain):
        for hour in work.day.hours:
            events = events_of(work.store, feed, hour, _READ, work.note)
            for row in events.to_pylist() if events is not None else ():
                if row["blob"] and domain_of(row["from_address"] or "") == work.domain.domain:
                    found.add(row["blob"])
    return sorted(found)[:most]


def _failing(work: Work, sample: Sequence[str], asked: LintSettings, ask: AskKey) -> Iterator[set[str]]:
    """Yield the rules that each mail fails; those that cannot be read are left out."""
    blobs, interval = work.store.blobs, Every(_SAY_EVERY)
    for place, digest in enumerate(sample):
        if interval.has_passed():
            work.note(f"{place:,} of {len(sample):,} mails are judged.")
        try:
            with blobs.open(digest) as file:
                raw = file.read(_LARGEST)
        except (OSError, DamagedError) as error:
            work.note(f"A mail is left out, since it cannot be read ({type(error).__name__}).")
            continue
        yield {one.rule.id for one in findings_of(mail_of(raw, ask, work.day.end, is_bulk=asked.bulk))}


def _keys(work: Work, asked: LintSettings) -> AskKey:
    if not asked.dns or work.day.end <= time.time() - _KEYS_LAST:
        return ask_nobody
    from mailevents_dagster.deliverability.dns import resolver_of  # needs what the extra installs

    return key_asker(resolver_of(work.domain.posture.resolver, work.note))


def _verdict(rule: Rule, failed: int, judged: int, tolerated: float) -> Verdict:
    passed = failed * 100 <= tolerated * judged
    said = f"{failed:,} of {counted(judged, 'mail')} fail. {rule.mend}" if not passed else "Few or none."
    return Verdict(passed, said, {"failed": failed})


def _said(failed: Counter[str], judged: int) -> str:
    if not judged:
        return "No mail of the domain is stored of this day."
    lines = [
        f"- **{rule.id}** ({rule.weight}): {failed[rule.id]:,} of {judged:,}. {rule.reason} {rule.mend}"
        for rule in RULES
        if failed[rule.id] and rule.weight is not Weight.NOTICE
    ]
    return "\n".join(lines) or f"{counted(judged, 'mail')} judged; no rule fails."


def _errors() -> list[Rule]:
    return [rule for rule in RULES if rule.weight is Weight.ERROR]


def _name(rule: Rule) -> str:
    """Return the name of a rule as Dagster takes it."""
    return rule.id.replace("-", "_")


def _feeds(settings: Settings, domain: DomainSettings) -> list[Feed]:
    """Return the feeds of the mailboxes that hold the domain's mails."""
    mailboxes = [one.address for one in settings.section(MailboxSettings).mailboxes]
    named = domain.lint.mailboxes if domain.lint else None
    if named is None:
        return [messages_of(address) for address in mailboxes if domain_of(address) == domain.domain]
    return [messages_of(address) for address in mailboxes if address in {one.lower() for one in named}]


LINT: Final = Part(
    name="lint",
    summary="How many of a sample of its mails fail each rule on what receivers and readers want.",
    columns=COLUMNS,
    make=make,
    checks={_name(rule): f"Do few mails fail `{rule.id}`? {rule.reason}" for rule in _errors()},
    made_of=_feeds,
    is_wanted=lambda domain: domain.lint is not None,
)
