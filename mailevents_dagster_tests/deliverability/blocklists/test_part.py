"""Days of block lists, made one after the other against a real name server."""

from __future__ import annotations

from pathlib import Path

from dnslib import RCODE

from mailevents_dagster.deliverability.blocklists.part import BLOCKLISTS
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.outcomes.settings.section import DeliverabilitySettings
from mailevents_dagster_tests.deliverability.days import DOMAIN, keep_outcomes, make_day, settings_with
from mailevents_dagster_tests.deliverability.name_server import Zone, rcode, serving

ENTRIES = """
2.0.0.127.bl.example. 60 IN A 127.0.0.2
test.dbl.example. 60 IN A 127.0.1.2
25.2.0.192.bl.example. 60 IN A 127.0.0.4
25.2.0.192.bl.example. 60 IN TXT "spam seen"
news.example.com.dbl.example. 60 IN A 127.0.1.2
"""
ZONES = {"ip_zones": ["bl.example"], "domain_zones": ["dbl.example"]}


def test_what_the_settings_and_the_logs_name_is_looked_up_day_by_day(tmp_path: Path) -> None:
    zone = Zone(ENTRIES)
    with serving(zone) as server:
        settings = settings_with(tmp_path, server, {"sending_ips": ["192.0.2.25"]}, **ZONES)
        sent = {"outcome": "delivered", "sender": "a@news.example.com", "sending_ip": "192.0.2.26"}
        keep_outcomes(settings, Hour.from_key("2026-11-19-12:00", "UTC"), [sent])
        made = make_day(settings, BLOCKLISTS, "2026-11-20")
        found = {(row["subject"], row["zone"]): row["standing"] for row in made.rows.to_pylist()}
        assert found == {
            ("192.0.2.25", "bl.example"): "listed",
            ("192.0.2.26", "bl.example"): "not listed",
            (DOMAIN, "dbl.example"): "not listed",
            ("news.example.com", "dbl.example"): "listed",
        }
        assert "192.0.2.25 is listed by bl.example (127.0.0.4) since 2026-11-20: `spam seen`." in made.said
        assert made.verdicts["asked"].passed

        zone.says["25.2.0.192.bl.example"] = rcode(RCODE.REFUSED)
        made = make_day(settings, BLOCKLISTS, "2026-11-21")
        assert made.numbers == {"listed": 0, "not_listed": 1, "not_asked": 1}
        assert not made.verdicts["asked"].passed

        zone.says.clear()
        made = make_day(settings, BLOCKLISTS, "2026-11-22")
        assert "since 2026-11-20" in made.verdicts["not_listed"].said


def test_without_lists_there_is_no_such_answer(tmp_path: Path) -> None:
    with serving(Zone("")) as server:
        domain = settings_with(tmp_path, server, {}).section(DeliverabilitySettings).judged(DOMAIN)
    assert not BLOCKLISTS.is_wanted(domain)
