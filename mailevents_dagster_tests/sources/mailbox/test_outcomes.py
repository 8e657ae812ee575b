"""What the messages of a mailbox tell became of mails that were sent before."""

from __future__ import annotations

import pytest

from mailevents_dagster.model.outcome import Became, Outcome
from mailevents_dagster.sources.mailbox import outcomes as outcomes_module
from mailevents_dagster.sources.mailbox.outcomes import outcomes
from mailevents_dagster.sources.outcomes.notices.notice import Notice, NoticeKind, Original
from mailevents_dagster_tests.sources.mailbox.graph_mailbox import FEED, NOON, Place, mail


def told(here: Place, domain: str = "example.com") -> list[Outcome]:
    return [outcome for _, outcome in outcomes(here.store, FEED, NOON, domain)]


def test_a_bounce_in_a_mailbox_is_the_outcome_of_the_mail_it_speaks_of_and_other_mails_are_none(here: Place) -> None:
    here.mailbox.add(mail(10), mail(20, form="bounce"), mail(30, form="attached"))
    here.collect()
    (one,) = told(here)
    assert one.became is Became.BOUNCED
    assert one.recipient
    assert one.verdict
    assert one.verdict[0] in ("hard", "soft", "policy", "other")
    assert one.time == NOON.start + 20


@pytest.mark.parametrize(
    ("notice", "became"),
    [
        (Notice(NoticeKind.DEFERRAL), Became.DEFERRED),
        (Notice(NoticeKind.COMPLAINT), Became.COMPLAINED),
        (Notice(NoticeKind.COMPLAINT, feedback_type="Abuse"), Became.COMPLAINED),
        (Notice(NoticeKind.COMPLAINT, feedback_type="not-spam"), None),
        (Notice(NoticeKind.RECEIPT, action="delivered"), Became.DELIVERED),
        (Notice(NoticeKind.RECEIPT), None),
        (Notice(NoticeKind.AUTO_REPLY), None),
        (Notice(NoticeKind.BOUNCE, original=Original(sender="s@Example.com")), Became.BOUNCED),
        (Notice(NoticeKind.BOUNCE, original=Original(sender="s@other.example")), None),
    ],
    ids=["delay", "complaint", "abuse", "not spam", "delivered", "displayed", "away", "of the domain", "of another"],
)
def test_each_kind_of_notice_is_the_outcome_that_it_means(
    here: Place, monkeypatch: pytest.MonkeyPatch, notice: Notice, became: Became | None
) -> None:
    monkeypatch.setattr(outcomes_module, "notices_of", lambda _: (notice,))
    here.mailbox.add(mail(10))
    here.collect()
    assert [one.became for one in told(here)] == ([became] if became else [])
