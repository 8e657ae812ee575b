"""Days of a domain's posture, made one after the other against a real name server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from dnslib import RCODE

from mailevents_dagster.deliverability.dns import NameServer
from mailevents_dagster.deliverability.posture.part import POSTURE
from mailevents_dagster.model.hour import Hour
from mailevents_dagster_tests.deliverability.days import DOMAIN, keep_outcomes, make_day, settings_with
from mailevents_dagster_tests.deliverability.name_server import Zone, rcode, serving
from mailevents_dagster_tests.deliverability.posture.test_dkim import rsa_key

pytestmark = pytest.mark.slow

SKIP = {"skip": ["starttls", "mta-sts"]}
RECORDS = """
example.com. 60 IN TXT "v=spf1 include:old.example ip4:192.0.2.0/24 ~all"
old.example. 60 IN TXT "v=spf1 ip4:198.51.100.0/24 -all"
example.com. 60 IN MX 10 mx.example.com.
mx.example.com. 60 IN A 8.8.8.8
_dmarc.example.com. 60 IN TXT "v=DMARC1; p=none; rua=mailto:dmarc@example.com"
25.2.0.192.in-addr.arpa. 60 IN PTR out.example.com.
out.example.com. 60 IN A 192.0.2.25
"""


def zone_of(text: str) -> Zone:
    key = rsa_key(2048)
    return Zone(f'{text}\ns1._domainkey.example.com. 60 IN TXT "v=DKIM1; k=rsa; " "p={key[:200]}" "{key[200:]}"')


@pytest.fixture
def zone() -> Zone:
    return zone_of(RECORDS)


@pytest.fixture
def server(zone: Zone) -> Iterator[NameServer]:
    with serving(zone) as one:
        yield one


def rows_of(rows: pa.Table, kind: str) -> list[dict[str, Any]]:
    return [row for row in rows.to_pylist() if row["row"] == kind]


SENDS = {"selectors": ["s1"], "sending_ips": ["192.0.2.25"], "helo": ["out.example.com"]}


def test_a_domain_in_order_passes_and_says_what_is_demanded(tmp_path: Path, server: NameServer) -> None:
    made = make_day(settings_with(tmp_path, server, SKIP | SENDS), POSTURE, "2026-11-20")
    assert {name: verdict.passed for name, verdict in made.verdicts.items()} == {
        "sound": True,
        "demands": True,
        "asked": True,
        "unchanged": True,
    }
    assert made.numbers["bad"] == made.numbers["not_asked"] == made.numbers["changes"] == 0
    met = {row["code"]: row["verdict"] for row in rows_of(made.rows, "finding")}
    assert met["google.spf"] == met["google.ptr"] == met["microsoft.dkim"] == met["yahoo.dmarc"] == "good"
    assert met["google.tls"] == "unknown", "nothing is known of how mail was handed over"
    assert made.chart is not None
    assert made.chart.startswith(b"\x89PNG")


def test_what_changed_is_said_in_words_the_day_after(tmp_path: Path, zone: Zone, server: NameServer) -> None:
    settings = settings_with(tmp_path, server, SKIP | SENDS)
    make_day(settings, POSTURE, "2026-11-20")
    zone.records[:] = zone_of(RECORDS.replace("include:old.example ", "").replace("p=none", "p=reject")).records
    made = make_day(settings, POSTURE, "2026-11-21")
    words = [
        "DMARC of _dmarc.example.com: `p=reject`, and was `none`",
        "SPF of example.com: `include:old.example` is gone",
    ]
    assert sorted(row["text"] for row in rows_of(made.rows, "change")) == words
    assert not made.verdicts["unchanged"].passed
    assert all(one in made.said for one in words)
    again = make_day(settings, POSTURE, "2026-11-21")
    assert again.rows.equals(made.rows), "made once more it is compared with the day before, not with itself"


def test_what_cannot_be_asked_keeps_the_day_before_and_says_so(tmp_path: Path, zone: Zone, server: NameServer) -> None:
    settings = settings_with(tmp_path, server, SKIP | SENDS)
    make_day(settings, POSTURE, "2026-11-18")
    zone.says[f"{DOMAIN} TXT"] = rcode(RCODE.SERVFAIL)
    made = make_day(settings, POSTURE, "2026-11-20")
    assert made.numbers["bad"] == 0
    assert not made.verdicts["asked"].passed
    assert "what was heard on 2026-11-18 counts" in made.verdicts["asked"].said
    [record] = [row for row in rows_of(made.rows, "record") if (row["name"], row["kind"]) == (DOMAIN, "TXT")]
    assert (record["state"], record["known_state"], record["kept_from"]) == (
        "could not be asked",
        "there",
        "2026-11-18",
    )
    spf = {row["code"]: row["kept_from"] for row in rows_of(made.rows, "finding") if row["code"].startswith("spf")}
    assert set(spf.values()) == {"2026-11-18"}
    assert not rows_of(made.rows, "change")

    del zone.says[f"{DOMAIN} TXT"]
    zone.records[:] = zone_of(RECORDS.replace("include:old.example ", "")).records
    made = make_day(settings, POSTURE, "2026-11-21")
    assert [row["text"] for row in rows_of(made.rows, "change")] == [
        "SPF of example.com: `include:old.example` is gone"
    ], "compared with what was kept"


def test_a_dead_name_server_on_the_first_day_leaves_all_unknown_and_nothing_bad(tmp_path: Path) -> None:
    made = make_day(settings_with(tmp_path, NameServer("127.0.0.1", 1), SKIP | SENDS, 0.1), POSTURE, "2026-11-20")
    assert made.numbers["bad"] == made.numbers["demands_not_met"] == made.numbers["good"] == 0
    assert made.verdicts["sound"].passed
    assert not made.verdicts["asked"].passed


def test_a_name_server_whose_address_is_not_known_is_not_one_that_says_no(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, NameServer("no.such.invalid", 53), SKIP)
    made = make_day(settings, POSTURE, "2026-11-20")
    assert made.numbers["bad"] == 0
    assert "there is no name server to ask" in made.verdicts["asked"].said


def test_what_is_wrong_fails_the_checks_with_the_mend(tmp_path: Path, zone: Zone, server: NameServer) -> None:
    zone.records[:] = Zone('example.com. 60 IN TXT "v=spf1 +all"').records
    made = make_day(settings_with(tmp_path, server, SKIP | SENDS), POSTURE, "2026-11-20")
    assert not made.verdicts["sound"].passed
    assert "everybody may send" in made.verdicts["sound"].said
    assert "Publish a TXT record at _dmarc.example.com" in made.verdicts["demands"].said
    assert "192.0.2.25 has no name" in made.said


def test_no_address_of_a_person_stands_in_what_is_shown(tmp_path: Path, zone: Zone, server: NameServer) -> None:
    settings = settings_with(tmp_path, server, SKIP | SENDS)
    make_day(settings, POSTURE, "2026-11-20")
    text = RECORDS.replace(
        "dmarc@example.com", "anna@example.com,mailto:x y@example.net; mailto:x y@b.example; sp=x y@"
    )
    zone.records[:] = zone_of(text.replace("~all", "include:x@z.example x y@z ~all")).records
    made = make_day(settings, POSTURE, "2026-11-21")
    assert "`rua` is another" in made.said
    shown = f"{made.said}{made.numbers}{made.verdicts}"
    assert "anna" not in shown
    assert "x y@" not in shown


def test_what_the_logs_tell_of_sending_is_looked_at(tmp_path: Path, server: NameServer) -> None:
    settings = settings_with(tmp_path, server, SKIP)
    sent = {"outcome": "delivered", "sender": "a@news.example.com", "sending_ip": "192.0.2.25", "tls": True}
    keep_outcomes(settings, Hour.from_key("2026-11-19-12:00", "UTC"), [sent, sent, {**sent, "sending_ip": None}])
    made = make_day(settings, POSTURE, "2026-11-20")
    found = {(row["code"], row["name"]): row["verdict"] for row in rows_of(made.rows, "finding")}
    assert found["ptr.name", "192.0.2.25"] == "good"
    assert found["google.tls", DOMAIN] == "good"
