"""How a domain sends, from the outcomes of the day before."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from mailevents_dagster.deliverability.dns import NameServer
from mailevents_dagster.deliverability.part import Work
from mailevents_dagster.deliverability.sending_seen import MOST, Seen, seen_the_day_before
from mailevents_dagster.model.day import Day
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.outcomes.settings.section import DeliverabilitySettings
from mailevents_dagster.store.opening import store_of
from mailevents_dagster_tests.deliverability.days import DOMAIN, keep_outcomes, settings_with


def seen(settings: Settings) -> Seen:
    domain = settings.section(DeliverabilitySettings).judged(DOMAIN)
    day = Day(date(2026, 11, 20), "UTC")
    return seen_the_day_before(Work(settings, domain, store_of(settings), day, lambda *_: None))


def test_addresses_domains_and_tls_are_counted(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, NameServer("127.0.0.1", 1), {})
    assert seen(settings) == Seen((), (), 0, 0)
    sent = {"outcome": "delivered", "sender": "a@News.Example.com", "sending_ip": "192.0.2.25", "tls": True}
    noon, of_today = (Hour.from_key(f"2026-11-{day}-12:00", "UTC") for day in (19, 20))
    keep_outcomes(
        settings,
        noon,
        [
            sent,
            {**sent, "sender": "a@example.com", "tls": False, "sending_ip": "2001:db8::1"},
            {**sent, "sender": "", "tls": None, "sending_ip": None},
            *({**sent, "sender": None, "tls": None, "sending_ip": one} for one in ("10.1.2.3", "::1", "fd00::1")),
            {**sent, "sender": "a@notexample.com", "outcome": "bounced", "sending_ip": "not an address"},
        ],
    )
    keep_outcomes(settings, of_today, [{**sent, "sending_ip": "192.0.2.99"}])
    assert seen(settings) == Seen(("192.0.2.25", "2001:db8::1"), ("example.com", "news.example.com"), 1, 1)


def test_of_many_addresses_those_with_the_most_mails_are_kept(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, NameServer("127.0.0.1", 1), {})
    rare = [{"outcome": "delivered", "sending_ip": f"192.0.2.{n}"} for n in range(200)]
    keep_outcomes(settings, Hour.from_key("2026-11-19-12:00", "UTC"), [*rare, *rare[150:160]])
    found = seen(settings).sending_ips
    assert len(found) == MOST
    assert {f"192.0.2.{n}" for n in range(150, 160)} <= {*found}
