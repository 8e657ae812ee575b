"""DMARC: what receivers shall do with mail that is not proven to come from the domain, and who is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mailevents_dagster.deliverability.posture.dmarc_record import (
    POLICIES,
    VERSION,
    Published,
    TreeWalk,
    tree_walk,
)
from mailevents_dagster.deliverability.posture.dmarc_reports import reports
from mailevents_dagster.deliverability.posture.findings import (
    Finding,
    Verdict,
    bad,
    good,
    missing,
    note,
    unknown,
    weak,
)
from mailevents_dagster.deliverability.posture.tags import of_version
from mailevents_dagster.deliverability.posture.world import World
from mailevents_dagster.deliverability.quoting import few, quoted

_ALL_MAIL: Final = "100"


def dmarc(domain: str, world: World) -> Iterator[Finding]:
    name = f"_dmarc.{domain}"
    answer = world.ask(name, "TXT")
    if answer.is_unasked:
        yield unknown("dmarc.record", name, "The DMARC record", answer)
        return
    several = of_version(answer.records, VERSION)
    if len(several) > 1:
        text = f"There are {len(several)} DMARC records; receivers then take none of them."
        yield bad("dmarc.record", name, text, "Leave one.", tuple(several))
        return
    walk = tree_walk(domain, world)
    record = _that_counts(domain, walk)
    if record is None and walk.unasked:
        yield unknown("dmarc.record", name, "The DMARC record of a domain above", walk.unasked)
    elif record is None:
        text = "There is no DMARC record, neither here nor at a domain above."
        if answer.is_there:
            text += " What stands there does not begin with `v=DMARC1`."
        mend = f"Publish a TXT record at {name}: `v=DMARC1; p=none; rua=mailto:ADDRESS`."
        yield missing("dmarc.record", name, Verdict.BAD, text, mend)
    else:
        yield from _of_record(domain, record)
        yield from reports(record, world)


def _that_counts(domain: str, walk: TreeWalk) -> Published | None:
    """Return the domain's own record, or that of the organization, or that of the public suffix above."""
    by_domain = {record.domain: record for record in walk.records}
    wanted = (domain, walk.organization, walk.organization.partition(".")[2])
    return next((by_domain[name] for name in wanted if name in by_domain), None)


def _of_record(domain: str, record: Published) -> Iterator[Finding]:
    name = f"_dmarc.{record.domain}"
    where = "" if record.domain == domain else f" It stands at {record.domain} and counts for {domain}, too."
    yield good("dmarc.record", name, f"There is one DMARC record.{where}", (record.text,))
    if record.tags.faults:
        text = f"A part of it is passed over: {few(record.tags.faults)}."
        yield weak("dmarc.syntax", name, text, "Mend what is named.")
    yield _of_policy(domain, record, name)
    yield from _of_subdomains(domain, record, name)
    yield from _of_testing(record, name)
    for tag, what in (("adkim", "DKIM"), ("aspf", "SPF")):
        if record.one_of(tag, ("r", "s"), "r") == "s":
            text = f"{what} counts only for exactly this domain (`{tag}=s`): mail of its subdomains' servers may fail."
            yield note("dmarc.alignment", name, text)


def _of_policy(domain: str, record: Published, name: str) -> Finding:
    tag = "p" if record.domain == domain or "sp" not in record.values else "sp"
    written = record.values.get(tag, "").lower()
    if written not in POLICIES:
        said = f"{quoted(f'{tag}={written}')} is none" if tag in record.values else "There is no `p=`"
        text = (
            f"{said}: receivers take it for `p=none` where reports are asked for, and pass over the record otherwise."
        )
        return bad("dmarc.policy", name, text, "Write `p=none`, `p=quarantine` or `p=reject`.")
    if written == "none":
        text = f"`{tag}=none`: mail that is not proven to be yours is delivered as any other."
        mend = "Once the reports show that all of your senders pass, write `p=quarantine`, and later `p=reject`."
        return weak("dmarc.policy", name, text, mend)
    return good(
        "dmarc.policy", name, f"`{tag}={written}`: mail that is not proven to be yours is not delivered as such."
    )


def _of_subdomains(domain: str, record: Published, name: str) -> Iterator[Finding]:
    """Tell of a weaker policy for subdomains, by which others may send in the name of one."""
    policy = record.one_of("p", POLICIES, "none")
    if record.domain != domain or policy == "none":
        return
    for tag, whose in (("sp", "subdomains"), ("np", "subdomains that do not exist")):
        value = record.one_of(tag, POLICIES, policy)
        if POLICIES.index(value) < POLICIES.index(policy):
            text = f"`{tag}={value}` protects {whose} less than the domain (`p={policy}`)."
            yield weak("dmarc.subdomains", name, text, f"Write `{tag}={policy}`, or take `{tag}` out.")


def _of_testing(record: Published, name: str) -> Iterator[Finding]:
    share = record.values.get("pct", _ALL_MAIL)
    if record.one_of("t", ("y", "n"), "n") == "y":
        yield weak("dmarc.testing", name, "`t=y`: the policy is only tried out.", "Take `t=y` out when it is meant.")
    if share != _ALL_MAIL:
        text = (
            f"{quoted(f'pct={share}')}: the policy is meant for a part of the mail, which receivers of today pass over."
        )
        yield weak("dmarc.testing", name, text, "Take `pct` out; `t=y` is how a policy is tried out now.")
