"""Counts of pflogsumm and eximstats over the same day, and why some of them are others than ours.

pflogsumm counts a forwarded recipient as forwarded, not as delivered; a mail that expired as nothing, not as bounced;
what a milter refuses before DATA as nothing, not as rejected. It counts deferred mails once, however often they are.
eximstats counts a delivery for each `=>`, an address for each `->` too, and nothing for `>>`. It takes a refused
connection to another server (`Connection refused`) for a rejection, and does not know message ids of 23 characters.
"""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path
from random import Random
from types import ModuleType

import pyarrow as pa
import pytest

from mailevents_dagster.sources.maillog.grammar import exim, postfix

pytestmark = pytest.mark.programs


def events_of(grammar: ModuleType, lines: list[str]) -> Counter[str]:
    return Counter(grammar.understand(pa.array(lines))[0].to_pylist())


def told(program: list[str], lines: list[str], file: Path) -> str:
    file.write_text("\n".join(lines) + "\n")
    return subprocess.run([*program, str(file)], check=True, capture_output=True, text=True).stdout


def clock(second: int) -> str:
    return f"{second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02}"


def postfix_day(mails: int) -> list[str]:
    chance, lines = Random(18), []
    for number in range(mails):
        head, queue_id = f"Nov 29 {clock(number)} mx1 postfix", f"{number + 0xA00000:X}"
        lines += [
            f"{head}/smtpd[1]: {queue_id}: client=mail.example.org[192.0.2.205]",
            f"{head}/cleanup[2]: {queue_id}: message-id=<{number}@example.org>",
            f"{head}/qmgr[3]: {queue_id}: from=<s@example.org>, size=345, nrcpt=1 (queue active)",
        ]
        status, dsn = chance.choice([("sent", "2.0.0"), ("sent", "2.0.0"), ("bounced", "5.1.1"), ("deferred", "4.2.2")])
        lines.append(
            f"{head}/smtp[4]: {queue_id}: to=<r{number}@x.example>, relay=mx.x.example[192.0.2.1]:25, delay=1.2, "
            f"delays=0.1/0/0.5/0.6, dsn={dsn}, status={status} (host mx.x.example[192.0.2.1] said: 550 {dsn} so)"
        )
        if status != "deferred":
            lines.append(f"{head}/qmgr[3]: {queue_id}: removed")
        if number % 5 == 0:
            lines.append(
                f"{head}/smtpd[1]: NOQUEUE: reject: RCPT from unknown[192.0.2.9]: 550 5.1.1 User unknown; "
                "from=<a@b> to=<u@example.org> proto=ESMTP helo=<x>"
            )
    return lines


def exim_day(mails: int) -> list[str]:
    chance, lines = Random(18), []
    for number in range(mails):
        head = f"2026-11-29 {clock(number)}"
        mail = f"{head} 1vP{number:03}-0005vi-{number % 60:02}"
        lines.append(f"{mail} <= s@example.org H=mail.example.org [192.0.2.205] P=esmtp S=345 id={number}@example.org")
        fate = chance.choice(["sent", "sent", "two", "bounced", "deferred"])
        remote = "R=dnslookup T=remote_smtp H=mx.x.example [192.0.2.1]"
        if fate in ("sent", "two"):
            lines.append(f'{mail} => r{number}@x.example {remote} C="250 OK"')
        if fate == "two":
            lines.append(f'{mail} -> q{number}@x.example {remote} C="250 OK"')
        if fate == "bounced":
            lines.append(f"{mail} ** r{number}@x.example {remote}: SMTP error after end of data: 550 no")
        if fate == "deferred":
            lines.append(f"{mail} == r{number}@x.example R=dnslookup T=remote_smtp defer (-1): later")
        else:
            lines.append(f"{mail} Completed")
        if number % 5 == 0:
            lines.append(f"{head} H=(x) [192.0.2.9] F=<a@b> rejected RCPT <u@example.org>: Unrouteable address")
    return lines


def test_pflogsumm_counts_the_same_events(tmp_path: Path) -> None:
    lines = postfix_day(2_000)
    summary = told(["pflogsumm"], lines, tmp_path / "mail.log")
    theirs = re.findall(r"^ +(\d+) +(received|delivered|deferred|bounced|rejected)\b", summary, re.MULTILINE)
    ours = events_of(postfix, lines)
    events = ("arrival", "delivery", "deferral", "bounce", "rejection")
    assert [int(number) for number, _ in theirs] == [ours[event] for event in events]


def test_eximstats_counts_the_same_events(tmp_path: Path) -> None:
    lines = exim_day(900)
    summary = told(["eximstats", "-nr", "-ne"], lines, tmp_path / "mainlog")
    pattern = r"^  Received +\S+ +(\d+).*\n  Delivered +\S+ +\d+ +(\d+).*\n  Rejects +(\d+)"
    (theirs,) = re.findall(pattern, summary, re.MULTILINE)
    ours = events_of(exim, lines)
    assert [int(number) for number in theirs] == [ours[event] for event in ("arrival", "delivery", "rejection")]
