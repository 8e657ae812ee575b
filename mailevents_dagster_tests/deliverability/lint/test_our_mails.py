"""Our own mails pass our own rules: a rule that one of them fails, fails here."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from mailevents_dagster.alerts.channels import Mail
from mailevents_dagster.alerts.texts import TEST, Message
from mailevents_dagster.deliverability.lint.keys import ask_nobody
from mailevents_dagster.deliverability.lint.linting import findings_of
from mailevents_dagster.deliverability.lint.mail import mail_of
from mailevents_dagster.model.day import Day
from mailevents_dagster.settings import AlertMailSettings, ReportMailSettings
from mailevents_dagster.summaries.counts import HOURS, HOURS_KEPT, counts, of_feed, total
from mailevents_dagster.summaries.kinds import KINDS
from mailevents_dagster.summaries.report_letter import letter_of
from mailevents_dagster.summaries.report_mail import mail_letter
from mailevents_dagster.summaries.report_tables import Report
from mailevents_dagster.summaries.wording import Language
from mailevents_dagster_tests.deliveries.mail.post_office import HERE, USER, PostOffice, open_post_office

DAY = Day.from_key("2026-11-18", "Europe/Istanbul")
LINE = f"mail/incominglog: dns, since 2026-11-20 10:00. {'x' * 200}"
LONG = Message("mailevents: 15 troubles (dns)", "\n".join(f"- şirket{number}.example {LINE}" for number in range(15)))
MEASURES = ("sender_domain", "reason", "code")


def found(raw: bytes) -> dict[str, tuple[str, ...]]:
    """Return the rules that a mail fails as it came; nobody has signed it yet, which is up to the mail server."""
    findings = {one.rule.id: one.said for one in findings_of(mail_of(raw, ask_nobody, time.time()))}
    assert findings.pop("not-sent-yet")
    return findings


def server(office: PostOffice, *to: str) -> dict[str, object]:
    return {"to": list(to), "from": USER, "smtp_host": HERE, "smtp_port": office.port, "starttls": False}


def report_of_everything() -> Report:
    """Return a report with some of everything that can stand in one."""
    tables = {}
    for kind in KINDS.values():
        some = [counts(HOURS, [(None, 1)], "h"), counts(HOURS_KEPT, [(None, 1)], "h")]
        some += [
            counts(measure, [(f"gönderen{n}.example", 10_000 - n) for n in range(20)])
            for measure in ("sender_domain", "reason", "code")
        ]
        tables[kind] = of_feed(total(some), "mail/incominglog")
    return Report(DAY, {"a.example": tables, "xn--gney-0ra.example": tables})


@pytest.mark.parametrize("message", [TEST, LONG], ids=["test", "long"])
@pytest.mark.parametrize("to", [("a@example.com",), ("a@example.com", "b@example.com")], ids=["one", "two"])
def test_an_alert_passes_every_rule(message: Message, to: tuple[str, ...]) -> None:
    with open_post_office() as office:
        Mail(AlertMailSettings.model_validate(server(office, *to)), None).send(message)
    assert found(office.raw[0]) == {}


@pytest.mark.parametrize("language", ["en", "tr"])
@pytest.mark.parametrize("unsubscribe", [None, "https://example.com/leave"], ids=["by mail", "by page"])
def test_the_daily_report_passes_every_rule(language: Language, unsubscribe: str | None) -> None:
    letter = letter_of(report_of_everything(), language, time.time())
    with open_post_office() as office:
        settings = ReportMailSettings.model_validate(
            {**server(office, "a@example.com", "b@example.com"), "unsubscribe": unsubscribe}
        )
        mail_letter(letter, settings, time.time())
    assert found(office.raw[0]) == {}


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (lambda raw: raw.replace(b"From: mailevents@", b"From: no-reply@"), "no-reply"),
        (lambda raw: raw.replace(b"text/plain", b"text/html"), "text-missing"),
        (lambda raw: raw.replace(b"Message-ID", b"X-Message-ID"), "header-missing"),
    ],
    ids=["no-reply", "no text", "no id"],
)
def test_a_mail_of_ours_that_is_spoilt_fails(spoil: Callable[[bytes], bytes], rule: str) -> None:
    with open_post_office() as office:
        Mail(AlertMailSettings.model_validate(server(office, "a@example.com")), None).send(TEST)
    assert rule in found(spoil(office.raw[0]))
