"""The names of a domain's DKIM keys, as far as anybody tells: settings, DMARC reports, and signatures of mails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial, reduce
from itertools import islice
from operator import or_
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.collecting.interval import Every
from mailevents_dagster.deliverability.addresses import comparable_domain
from mailevents_dagster.deliverability.arrivals import mailboxes_in
from mailevents_dagster.deliverability.part import Work
from mailevents_dagster.deliverability.posture.dkim import REPORTS, SIGNATURES, key_name
from mailevents_dagster.deliverability.posture.tags import tags_of
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.model.feed import Feed, readable_domain
from mailevents_dagster.sources.messages.addresses import addresses_of
from mailevents_dagster.sources.messages.head import Head
from mailevents_dagster.sources.outcomes.notices.mail import read_mail
from mailevents_dagster.sources.outcomes.notices.returned import head_of, returned_in
from mailevents_dagster.sources.outcomes.settings.posture import SELECTOR
from mailevents_dagster.summaries.making import events_of

LOOK_BACK: Final = 7
"""Days before that are looked through for what was told then."""
MAILS_OF_HOUR: Final = 10
"""Mails of a mailbox and an hour whose signatures are read."""
SIGNATURES_OF_MAIL: Final = 5
MOST: Final = 20
"""Keys that signatures may add, those that most mails name: anybody can write a mail with any signature."""
_PIECE: Final = 2**16
_PIECES_OF_NOTICE: Final = 8
_LONGEST: Final = 4_096
"""Bytes of a signature."""
_SAY_EVERY: Final = 5.0
_NOTICES: Final = ("bounce", "report")
"""Kinds of messages that hold the header of a mail that was sent."""


def dkim_keys_of(work: Work) -> dict[str, str]:
    """Return the names of keys that are known of, each with who tells; the settings know best."""
    domain = work.domain.domain
    told = [work.stored("dmarc", work.day.ago(days)) for days in range(LOOK_BACK, 0, -1)]
    return (
        dict.fromkeys(_signed_with(work), SIGNATURES)
        | dict.fromkeys((name for reports in told for name in keys_in_reports(reports, domain)), REPORTS)
        | {key_name(selector, domain): "the settings" for selector in work.domain.posture.selectors}
    )


def keys_in_reports(reports: pa.Table | None, domain: str) -> list[str]:
    """Return the domain's keys by which receivers found aligned signatures valid, as DMARC reports of a day tell."""
    if reports is None or not {"dkim_keys", "dkim_aligned"} <= {*reports.column_names}:
        return []
    keys = reports.filter(reports["dkim_aligned"])["dkim_keys"].to_pylist()
    names = {name.lower() for of_row in keys for name in of_row or ()}
    return sorted(name for name in names if _is_in(domain, name.partition("._domainkey.")[2]))


def keys_in_head(head: Head, domain: str) -> set[str]:
    """Return the keys of the domain, or of one below it, by which a mail in its name says that it was signed."""
    authors = addresses_of(head.all("from"))
    if not any(_is_in(domain, comparable_domain(one.address.rpartition("@")[2])) for one in authors):
        return set()
    values = [value[:_LONGEST].decode("utf-8", "replace") for value in head.all("dkim-signature")[:SIGNATURES_OF_MAIL]]
    tags = [tags_of(value).values for value in values]
    named = [(one.get("s", "").lower(), comparable_domain(one.get("d", ""))) for one in tags]
    return {key_name(selector, of) for selector, of in named if SELECTOR.fullmatch(selector) and _is_in(domain, of)}


def _is_in(domain: str, other: str) -> bool:
    """Return whether the other is the domain or one below it."""
    return f".{other}".endswith(f".{domain}")


def _signed_with(work: Work) -> list[str]:
    """Return the keys that signatures of the days before name."""
    if "dkim" in work.domain.posture.skip:
        return []
    named = Counter(
        name
        for feed in mailboxes_in(work.settings)
        for days in range(1, LOOK_BACK + 1)
        for head in _heads(work, feed, days)
        for name in keys_in_head(head, work.domain.domain)
    )
    return sorted(name for name, _ in named.most_common(MOST))


def _heads(work: Work, feed: Feed, days_ago: int) -> Iterator[Head]:
    """Yield headers of mails that may be in the name of the domain, a few of each hour and the same ones each time."""
    day, interval = work.day.ago(days_ago), Every(_SAY_EVERY)
    for hour in day.hours:
        if interval.has_passed():
            work.note(f"{feed}: signatures of mails are looked at, now those of {hour}")
        mails = events_of(work.store, feed, hour, ("kind", "blob"), work.note, _may_tell(work.domain.domain))
        for mail in sorted(mails.to_pylist(), key=lambda one: one["blob"])[:MAILS_OF_HOUR] if mails else ():
            head = _head(work, mail["blob"], is_notice=mail["kind"] in _NOTICES)
            if head is not None:
                yield head


def _may_tell(domain: str) -> pc.Expression:
    names = dict.fromkeys((domain, readable_domain(domain)))
    ends = [
        pc.ends_with(pc.field("from_address"), f"{sign}{name}", ignore_case=True) for name in names for sign in "@."
    ]
    is_notice = pc.field("kind").isin([*_NOTICES])
    return pc.field("blob").is_valid() & (reduce(or_, ends) | is_notice)


def _head(work: Work, blob: str, *, is_notice: bool) -> Head | None:
    """Return the header of a message, or of the mail that a notice brought back; None where there is none to read."""
    try:
        with work.store.blobs.open(blob) as file:
            pieces = iter(partial(file.read, _PIECE), b"")
            if is_notice:
                return returned_in(read_mail(islice(pieces, _PIECES_OF_NOTICE)))
            return head_of(next(pieces, b""))
    except (OSError, DamagedError) as error:
        work.note(f"A mail is left out, since it cannot be read ({type(error).__name__}).")
        return None
