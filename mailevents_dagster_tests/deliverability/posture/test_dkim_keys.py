"""Which DKIM keys are asked for: those of the settings, of DMARC reports, and of signatures of mails."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from mailevents_dagster.deliverability.part import Work
from mailevents_dagster.deliverability.posture.dkim import REPORTS, SIGNATURES
from mailevents_dagster.deliverability.posture.dkim_keys import (
    MAILS_OF_HOUR,
    MOST,
    dkim_keys_of,
    keys_in_head,
    keys_in_reports,
)
from mailevents_dagster.deliverability.posture.part import POSTURE
from mailevents_dagster.model.day import Day
from mailevents_dagster.model.feed import readable_domain
from mailevents_dagster.sources.outcomes.notices.returned import head_of
from mailevents_dagster_tests.deliverability.judged import DOMAIN, FIRST, Judged, judged, rows
from mailevents_dagster_tests.deliverability.name_server import Zone, serving

DAY = 8


def signed(*signatures: str, author: str = "Anna <anna@Example.com>", body: str = "text") -> bytes:
    fields = "".join(f"DKIM-Signature: {one}\r\n" for one in signatures)
    return f"{fields}From: {author}\r\nSubject: x\r\n\r\n{body}\r\n".encode()


def by(selector: str, domain: str = DOMAIN) -> str:
    return f"v=1; a=rsa-sha256; d={domain};\r\n\ts={selector}; h=from; b=AAAA"


def keys(of: Judged, told: pa.Table | None = None) -> dict[str, str]:
    def stored(name: str, day: Day) -> pa.Table | None:
        return told if (name, day) == ("dmarc", Day(FIRST, "UTC").ago(2 - DAY)) else None

    return dkim_keys_of(Work(of.settings, of.domain, of.store, Day(FIRST, "UTC").ago(-DAY), stored, of.said.append))


def named(raw: bytes) -> list[str]:
    return sorted(name.partition("._domainkey.")[0] for name in keys_in_head(head_of(raw), DOMAIN))


def test_keys_of_aligned_valid_signatures_are_taken_from_reports() -> None:
    told = [["S1._domainkey.example.com", "x._domainkey.other.example"], ["forged._domainkey.example.com"], None, []]
    table = pa.table({"dkim_keys": told, "dkim_aligned": [True, False, True, None]})
    assert keys_in_reports(table, DOMAIN) == ["s1._domainkey.example.com"]
    assert keys_in_reports(None, DOMAIN) == keys_in_reports(pa.table({"day": [1]}), DOMAIN) == []


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        pytest.param(signed(by("s1"), by("S2")), ["s1", "s2"], id="two signatures"),
        pytest.param(signed(by("s1"), author="b@news.example.com"), ["s1"], id="a domain below"),
        pytest.param(signed(by("s1", "news.example.com")), ["s1"], id="a key of a domain below"),
        pytest.param(signed(by("s1", "notexample.com"), by("s1", "com")), [], id="keys of others"),
        pytest.param(signed(by("s1"), author="b@example.com.evil.example"), [], id="another author"),
        pytest.param(signed(by("s1"), author=""), [], id="no author"),
        pytest.param(signed("", "rubbish", "d=example.com", "s=s1", "s=a b; d=example.com"), [], id="no signatures"),
        pytest.param(signed(*(by(f"s{number}") for number in range(9))), ["s0", "s1", "s2", "s3", "s4"], id="many"),
        pytest.param(signed(f"x={'y' * 5_000}; {by('s1')}"), [], id="a long one"),
        pytest.param(b"DKIM-Signature: d=\xff.example.com; s=\xff\r\nFrom: a@example.com\r\n\r\n", [], id="no text"),
        pytest.param(b"", [], id="nothing"),
    ],
)
def test_a_mail_in_the_name_of_the_domain_names_keys_of_it(raw: bytes, found: list[str]) -> None:
    assert named(raw) == found


def test_a_domain_of_other_letters_is_known_in_both_ways_to_write_it() -> None:
    domain = "xn--bcher-kva.example"
    raw = signed(by("s1", readable_domain(domain)), by("s2", domain), author=f"a@{readable_domain(domain)}")
    assert keys_in_head(head_of(raw), domain) == {f"{selector}._domainkey.{domain}" for selector in ("s1", "s2")}


def test_mails_of_the_week_before_tell_and_neither_older_nor_later_ones(tmp_path: Path) -> None:
    of = judged(tmp_path)
    assert keys(of) == {}
    for day in range(DAY + 2):
        of.mail(day, signed(by(f"of-day-{day}")), signed(by("stranger", "other.example"), author="x@other.example"))
    assert keys(of) == {f"of-day-{day}._domainkey.{DOMAIN}": SIGNATURES for day in range(1, DAY)}


def test_who_knows_best_is_named(tmp_path: Path) -> None:
    of = judged(tmp_path, more="}\n    posture: {selectors: [s3]")
    of.mail(DAY - 1, signed(by("s1"), by("s2"), by("s3")))
    told = pa.table({"dkim_keys": [[f"{one}._domainkey.{DOMAIN}" for one in ("s2", "s3")]], "dkim_aligned": [True]})
    origins = {name.partition(".")[0]: origin for name, origin in keys(of, told).items()}
    assert origins == {"s1": SIGNATURES, "s2": REPORTS, "s3": "the settings"}


@pytest.mark.slow
def test_a_day_asks_for_the_keys_that_mails_name(tmp_path: Path) -> None:
    name = f"ours._domainkey.{DOMAIN}"
    with serving(Zone(f'{name}. 60 IN TXT "v=DKIM1; k=rsa; p="')) as server:
        of = judged(tmp_path, more=f"}}\n    posture: {{resolver: {{nameservers: ['{server}']}}, skip: [starttls]")
        of.mail(DAY - 1, signed(by("ours")))
        found = {(row["code"], row["name"]): row["text"] for row in rows(of.make(POSTURE, DAY))}
    assert "revoked" in found["dkim.key", name]


def test_a_mail_that_came_back_with_a_bounce_tells_too(tmp_path: Path) -> None:
    of = judged(tmp_path)
    returned = signed(by("s1")).decode()
    bounce = (
        "From: MAILER-DAEMON@mx.dest.example\r\nTo: anna@example.com\r\nSubject: failure\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nNot delivered.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.dest.example\r\n\r\n"
        "Final-Recipient: rfc822; r@dest.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\n{returned}--b--\r\n"
    )
    of.mail(DAY - 1, bounce.encode(), bounce.replace("text/rfc822-headers", "image/png").encode())
    assert keys(of) == {f"s1._domainkey.{DOMAIN}": SIGNATURES}


@pytest.mark.slow
def test_whoever_sends_many_signatures_makes_few_questions(tmp_path: Path) -> None:
    of = judged(tmp_path)
    for hour in range(6):
        mails = (signed(by(f"k{hour}-{number}"), by("ours"), body=str(number)) for number in range(50))
        of.mail(DAY - 1, *mails, hour=hour)
    found = keys(of)
    assert len(found) == MOST < 6 * MAILS_OF_HOUR
    assert f"ours._domainkey.{DOMAIN}" in found
    assert keys(of) == found


def test_a_mail_that_cannot_be_read_is_left_out_and_told(tmp_path: Path) -> None:
    of = judged(tmp_path)
    of.mail(DAY - 1, signed(by("s1")), signed(by("s2")))
    lost = min(path for path in (tmp_path / "data" / "blobs").rglob("*") if path.is_file())
    lost.unlink()
    assert len(keys(of)) == 1
    assert any("left out" in one for one in of.said)
    assert not any("@example" in one and "Anna" in one for one in of.said)
