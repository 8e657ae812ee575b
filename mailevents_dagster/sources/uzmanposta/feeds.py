"""The feeds that an Uzman Posta account can have, and where the API lists each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from mailevents_dagster.model.feed import Feed, FeedKind
from mailevents_dagster.sources.uzmanposta.page_size import LEARNT_LIMIT

if TYPE_CHECKING:
    from mailevents_dagster.model.columns import RowFormat
    from mailevents_dagster.model.outcome import OutcomesOf

SOURCE: Final = "uzmanposta"
ENDPOINTS: Final[dict[str, str]] = {
    "mail": "/logs/mail",
    "quarantine": "/quarantines",
    "authentication": "/logs/authentication",
}
"""Paths of the listings below the API's base URL, by category."""


def _rows(category: str) -> RowFormat:
    from mailevents_dagster.sources.uzmanposta.formats import ROW_FORMATS

    return ROW_FORMATS[category]


def _outcomes() -> OutcomesOf:
    from mailevents_dagster.sources.uzmanposta.outcomes import outcomes

    return outcomes


def _kind(name: str, category: str, summary: str, kept_days: int | None = None) -> FeedKind:
    has_details = category == "mail"
    type_ = name.rpartition("/")[2]
    details = "one call more for the details of each mail" if has_details else "no further call"
    return FeedKind(
        source=SOURCE,
        name=name,
        category=category,
        type="auth" if category == "authentication" else type_,
        summary=summary,
        load_rows=partial(_rows, category),
        key=tuple(name.split("/")),
        kept_days=kept_days,
        has_details=has_details,
        log_folder=category if type_ == category else f"{category}/{type_}",
        learnt_row_limit=LEARNT_LIMIT,
        load_outcomes=_outcomes if name == "mail/outgoinglog" else None,
        personal_summaries=("sign_ins",) if category == "authentication" else (),
        metadata={"endpoint": ENDPOINTS[category]},
        facts={
            "endpoint": f"`GET {ENDPOINTS[category]}`, at most 1,000 rows a call; {details}",
            "kept by the API": f"{kept_days} days" if kept_days else "about 15 days, by the vendor's panel",
        },
    )


FEED_KINDS: Final = {
    kind.name: kind
    for kind in (
        _kind("mail/incominglog", "mail", "Mails received by the domain and what became of each."),
        _kind("mail/outgoinglog", "mail", "Mails sent by the domain and what became of each."),
        _kind("quarantine/quarantine", "quarantine", "Mails kept in quarantine, with reason and score.", 7),
        _kind("quarantine/hold", "quarantine", "Mails held back until somebody decides about them.", 7),
        _kind("authentication", "authentication", "Sign-ins, failed and successful."),
    )
}
"""Every feed a domain can have, by the name that settings and people use."""


def feed_of(domain: str, name: str) -> Feed:
    """Return the feed of a domain by its name, such as `mail/incominglog`."""
    return Feed(domain, FEED_KINDS[name])
