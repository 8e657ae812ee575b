"""`mailevents hygiene` as a process."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from dnslib import CNAME, QTYPE, RCODE, RR, DNSRecord

from mailevents_dagster_tests.commands import COMMAND, mailevents
from mailevents_dagster_tests.deliverability.name_server import Says, Zone, rcode, recursive, serving
from mailevents_dagster_tests.deliverability.outcomes import Place, place, told

LIST = """Name;E-Mail;City
Jo;Jo@Gmail.com;Köln
Anna;anna@yaho.com;İzmir
Bad;not an address;
Jo again;jo@gmail.com;Köln
Thrown;x@mailinator.com;
Desk;info@example.org;Bonn
Nobody;;
"""


@pytest.fixture
def nowhere(tmp_path: Path) -> dict[str, str]:
    """What a process finds around it that has no settings."""
    return {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}


def rows(file: Path, delimiter: str = ";") -> list[list[str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.reader(opened, delimiter=delimiter))


def test_a_list_is_cleaned_and_each_row_says_why(tmp_path: Path, nowhere: dict[str, str]) -> None:
    file = tmp_path / "list.csv"
    file.write_text(LIST, "utf-8")
    done = mailevents("hygiene", "--no-dns", str(file), environ=nowhere, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "3 may be mailed, 2 of them after somebody has looked" in done.stdout
    assert "Nobody asked whether the domains take mail" in done.stdout
    assert rows(tmp_path / "list.cleaned.csv") == [
        ["Name", "E-Mail", "City", "hygiene"],
        ["Jo", "Jo@Gmail.com", "Köln", ""],
        ["Anna", "anna@yaho.com", "İzmir", "typo: perhaps yahoo.com"],
        ["Desk", "info@example.org", "Bonn", "role: info"],
    ]
    rejected = rows(tmp_path / "list.rejected.csv")
    assert [row[3].partition(":")[0] for row in rejected[1:]] == ["syntax", "duplicate", "disposable", "empty"]
    assert rejected[2][3] == "duplicate: of row 1"


def test_the_report_counts_each_reason(tmp_path: Path, nowhere: dict[str, str]) -> None:
    file = tmp_path / "list.csv"
    file.write_text(LIST, "utf-8")
    done = mailevents("hygiene", "--no-dns", "--json", str(file), environ=nowhere, folder=tmp_path)
    content = json.loads(done.stdout)
    assert (content["rows"], content["kept"], content["left_out"], content["to_look_at"]) == (7, 3, 4, 2)
    assert content["reasons"]["duplicate"] == 1
    assert content["column"] == "E-Mail"
    assert content["asked_dns"] is False


def test_the_name_servers_of_the_settings_are_asked(tmp_path: Path, nowhere: dict[str, str]) -> None:
    (tmp_path / "list.csv").write_text("a@takes.example\na@none.example\n")
    with serving(Zone("takes.example. 60 IN MX 10 mx.takes.example.\nmx.takes.example. 60 IN A 192.0.2.1")) as server:
        here = place(tmp_path, more=f"    posture: {{resolver: {{nameservers: ['{server}']}}}}")
        done = here.run("hygiene", "list.csv")
    assert done.returncode == 0, done.stderr
    assert [row[0] for row in rows(tmp_path / "list.cleaned.csv", ",")] == ["a@takes.example"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--no-dns", "--resolver", "127.0.0.1"], "contradict each other"),
        (["--no-dns", "--out", "list.csv"], "must be three files"),
        (["--no-dns", "--out", "nowhere/list.csv"], "is no folder"),
        (["--no-dns", "--delimiter", ";;"], "one sign each"),
        (["--resolver", "127.0.0.1:x"], "--resolver `127.0.0.1:x` is not a server"),
    ],
    ids=["two wishes", "one file", "no folder", "two signs", "no resolver"],
)
def test_wrong_usage_is_refused_before_anything_is_done(
    tmp_path: Path, nowhere: dict[str, str], words: list[str], said: str
) -> None:
    (tmp_path / "list.csv").write_text(LIST, "utf-8")
    done = mailevents("hygiene", *words, "list.csv", environ=nowhere, folder=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["list.csv"]


def test_a_list_without_addresses_leaves_nothing_behind(tmp_path: Path, nowhere: dict[str, str]) -> None:
    (tmp_path / "list.csv").write_text("a,b\nc,d\n")
    done = mailevents("hygiene", "--no-dns", "list.csv", environ=nowhere, folder=tmp_path)
    assert done.returncode == 1
    assert "name it with --column" in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["list.csv"]


@pytest.fixture
def here(tmp_path: Path) -> Place:
    made = place(tmp_path, days=220)
    made.commit(
        [
            told("hard", "gone@example.org", 3),
            *(told("delivered", name, day) for name in ("reads@example.org", "sleeps@example.org") for day in (200, 5)),
            told("delivered", "new@example.org", 5),
            told("opened", "reads@example.org", 4),
        ]
    )
    return made


def test_what_the_store_knows_counts(here: Place) -> None:
    file = here.folder / "list.txt"
    file.write_text("\n".join(f"{one}@example.org" for one in ("gone", "reads", "sleeps", "new", "never")))
    done = here.run("hygiene", "--no-dns", "--json", "list.txt")
    assert done.returncode == 0, done.stderr
    assert [row for row in rows(here.folder / "list.cleaned.csv", ",") if row[1]] == [
        ["sleeps@example.org", "inactive"]
    ]
    [gone] = rows(here.folder / "list.rejected.csv", ",")
    assert gone[1].startswith("suppressed: hard since")
    activity = json.loads(done.stdout)["activity"]
    assert activity["opens"] == 1
    assert "No mailbox is stored: who only replies is not known to be active." in activity["unknown"]


def test_nobody_is_called_inactive_where_nothing_tells_of_opens(tmp_path: Path) -> None:
    here = place(tmp_path, days=220)
    here.commit([told("delivered", "sleeps@example.org", day) for day in (200, 5)])
    (here.folder / "list.txt").write_text("sleeps@example.org\n")
    done = here.run("hygiene", "--no-dns", "list.txt")
    assert "Nothing stored tells of opens or clicks" in done.stdout
    assert rows(here.folder / "list.cleaned.csv", ",") == [["sleeps@example.org", ""]]


def test_nobody_is_called_inactive_where_the_store_is_younger_than_six_months(tmp_path: Path) -> None:
    here = place(tmp_path, days=20)
    here.commit([told("delivered", "sleeps@example.org", 15), told("opened", "reads@example.org", 4)])
    (here.folder / "list.txt").write_text("sleeps@example.org\n")
    done = here.run("hygiene", "--no-dns", "list.txt")
    assert "nobody can be called inactive" in done.stdout
    assert rows(here.folder / "list.cleaned.csv", ",") == [["sleeps@example.org", ""]]


ASKED = """
good.example. 60 IN MX 10 mail.good.example.
null.example. 60 IN MX 0 .
bare.example. 60 IN TXT "nothing"
"""


def test_domains_are_asked_once_each_and_what_cannot_be_asked_stays(tmp_path: Path, nowhere: dict[str, str]) -> None:
    zone = Zone(ASKED)
    zone.says["away.example"] = rcode(RCODE.SERVFAIL)
    names = ("good", "null", "bare", "gone", "away")
    file = tmp_path / "list.csv"
    file.write_text(
        "mail\n" + "".join(f"a{n}@{one}.example\nb{n}@{one.upper()}.EXAMPLE\n" for n in range(20) for one in names)
    )
    with serving(zone) as server:
        done = mailevents("hygiene", "--resolver", str(server), "list.csv", environ=nowhere, folder=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "1 domains could not be asked" in done.stdout
    cleaned, rejected = (rows(tmp_path / f"list.{one}.csv", ",")[1:] for one in ("cleaned", "rejected"))
    assert {row[0].partition("@")[2].lower(): row[1].partition(":")[0] for row in cleaned} == {
        "good.example": "",
        "away.example": "dns_unknown",
    }
    assert {row[0].partition("@")[2].lower(): row[1] for row in rejected} == {
        "null.example": "null_mx",
        "bare.example": "no_mx",
        "gone.example": "no_domain",
    }
    assert zone.asked.count("good.example MX") == 1


def test_a_list_from_standard_input_needs_names_for_its_files(tmp_path: Path, nowhere: dict[str, str]) -> None:
    done = mailevents("hygiene", "--no-dns", "-", environ=nowhere, folder=tmp_path)
    assert done.returncode == 2
    assert "--out and --rejected are needed" in done.stderr


def test_a_list_from_a_pipe_is_read(tmp_path: Path, nowhere: dict[str, str]) -> None:
    words = ["hygiene", "--no-dns", "--out", "out.csv", "--rejected", "rest.csv", "-"]
    done = subprocess.run(
        [COMMAND, *words], input=LIST.encode("utf-16"), env=nowhere, cwd=tmp_path, capture_output=True, check=True
    )
    assert b"7 rows" in done.stdout
    assert "Köln" in (tmp_path / "out.csv").read_text("utf-16")
    assert (tmp_path / "out.csv").stat().st_mode & 0o077 == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out.csv", "rest.csv"]


def without_the_extra() -> None:
    sys.modules["email_validator"] = None  # type: ignore[assignment]
    for name in [name for name in sys.modules if name.startswith("mailevents_dagster.deliverability.hygiene.")]:
        del sys.modules[name]


def test_what_is_not_installed_is_said(tmp_path: Path, nowhere: dict[str, str]) -> None:
    (tmp_path / "list.csv").write_text(LIST, "utf-8")
    words = ("hygiene", "--no-dns", "list.csv")
    done = mailevents(*words, environ=nowhere, folder=tmp_path, before=without_the_extra)
    assert done.returncode == 1
    assert "email_validator is not installed: pip install 'mailevents-dagster[deliverability]'" in done.stderr


def leads_to(name: str) -> Says:
    """An answer with one alias, and nothing behind it."""

    def says(question: DNSRecord, by_tcp: bool) -> bytes:
        reply = recursive(question)
        reply.add_answer(RR(question.q.qname, QTYPE.CNAME, rdata=CNAME(name)))
        return bytes(reply.pack())

    return says


def test_what_is_said_of_a_row_may_have_signs_that_its_encoding_has_not(
    tmp_path: Path, nowhere: dict[str, str]
) -> None:
    zone = Zone("")
    zone.says |= {"a.example": leads_to("b.example"), "b.example": leads_to("a.example")}
    (tmp_path / "list.csv").write_bytes("ad;posta\nŞule;x@a.example\nÖmer;y@a.example\n".encode("cp1254"))
    with serving(zone) as server:
        words = ["hygiene", "--encoding", "cp1254", "--resolver", str(server), "list.csv"]
        done = mailevents(*words, environ=nowhere, folder=tmp_path)
    assert done.returncode == 1, done.stderr
    said = (tmp_path / "list.cleaned.csv").read_text("cp1254")
    assert "Şule;x@a.example;dns_unknown" in said
    assert r"\u2192" in said


def test_a_list_that_breaks_off_further_down_leaves_nothing_half_done(tmp_path: Path, nowhere: dict[str, str]) -> None:
    rows = b"mail,name\n" + b"jo@example.com,Jo\n" * 400 + b'a@example.com,"A\n'
    (tmp_path / "list.csv").write_bytes(rows + b"x" * 300_000)
    done = mailevents("hygiene", "--no-dns", "list.csv", environ=nowhere, folder=tmp_path)
    assert done.returncode == 1
    assert "a quote may not be closed" in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["list.csv"]
