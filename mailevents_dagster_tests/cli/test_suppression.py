"""`mailevents suppression` as a process."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mailevents_dagster.deliverability.suppression.manual import note_changes, read_changes
from mailevents_dagster_tests.deliverability.outcomes import DOMAIN, Place, day_ago, place, told
from mailevents_dagster_tests.forks import FORKS, PATIENCE

LIFE = [
    told("hard", "Gone@Example.org", 3, text="550 no such user"),
    told("policy", "jo@example.org", 3),
    *(told("soft", "full@example.org", day) for day in (4, 3, 2, 1)),
    told("complained", "anna@example.org", 2),
    told("unsubscribed", "info@example.org", 1),
    told("hard", "=cmd|x@example.org", 1, text="=HYPERLINK(1)"),
    told("soft", "once@gmial.com", 1),
]


@pytest.fixture
def here(tmp_path: Path) -> Place:
    made = place(tmp_path)
    made.commit(LIFE)
    return made


def listed(here: Place, *arguments: str) -> list[str]:
    done = here.run("suppression", "list", "--format", "json", *arguments)
    assert done.returncode in (0, 3), done.stderr
    return [one["address"] for one in json.loads(done.stdout)]


EVERYBODY = ["=cmd|x@example.org", "anna@example.org", "full@example.org", "Gone@Example.org", "info@example.org"]


def test_the_list_is_of_this_moment_whether_days_were_made_or_not(here: Place) -> None:
    assert listed(here) == EVERYBODY
    here.make(day_ago(2))
    assert listed(here) == EVERYBODY
    assert listed(here, "--reason", "hard") == ["=cmd|x@example.org", "Gone@Example.org"]


def test_people_see_a_table(here: Place) -> None:
    done = here.run("suppression", "list")
    assert done.returncode == 0
    assert "Gone@Example.org" in done.stdout
    assert "5 addresses" in done.stdout


def test_an_empty_list_ends_with_3(tmp_path: Path) -> None:
    done = place(tmp_path).run("suppression", "list")
    assert (done.returncode, done.stderr.strip()) == (3, "Nobody is on the list.")


def test_why_shows_the_evidence_with_rule_answer_feed_and_event(here: Place) -> None:
    done = here.run("suppression", "why", "gone@example.org")
    assert done.returncode == 0
    for words in ("must not be mailed: hard since", "code 5.1.1", "550 no such user", "mx1.example.com exim", "UTC"):
        assert words in done.stdout
    content = json.loads(here.run("suppression", "why", "--json", "GONE@example.org").stdout)
    assert content["suppressed"] is True
    assert content["evidence"][0]["event_id"]


def test_why_of_an_address_that_counts_but_is_not_suppressed(here: Place) -> None:
    done = here.run("suppression", "why", "once@gmial.com")
    assert done.returncode == 0
    assert "may be mailed" in done.stdout
    assert "counts and is not enough" in done.stdout
    assert "typo of gmail.com" in done.stdout
    assert here.run("suppression", "why", "nobody@example.org").returncode == 3


def test_check_says_for_each_address_of_a_file_or_of_the_command(here: Place) -> None:
    file = here.folder / "list.csv"
    file.write_text("name;mail\nGone;GONE@example.ORG\nJo;jo@example.org\n", "utf-8")
    done = here.run("suppression", "check", str(file), "anna@example.org")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["GONE@example.ORG", "jo@example.org", "anna@example.org"]
    assert ["must not be mailed" in line for line in lines] == [True, False, True]
    assert "2 of 3 addresses must not be mailed." in done.stderr
    assert here.run("suppression", "check", "jo@example.org").returncode == 0
    objects = here.run("suppression", "check", "--json", str(file)).stdout.splitlines()
    assert [json.loads(line)["suppressed"] for line in objects] == [True, False]


def test_check_of_what_is_neither_address_nor_file_is_wrong_usage(here: Place) -> None:
    done = here.run("suppression", "check", "nobody")
    assert done.returncode == 2
    assert "neither an address nor a file" in done.stderr


def test_what_is_added_and_removed_is_remembered(here: Place) -> None:
    added = here.run("suppression", "add", "--reason", "asked by phone", "boss@example.org", "not an address@")
    assert added.returncode == 1
    assert "1 address added" in added.stdout
    assert "not an address@ is left out" in added.stderr
    removed = here.run("suppression", "remove", "--reason", "wrote to us", "gone@example.org", "anna@example.org")
    assert removed.returncode == 0
    assert "1 had complained or unsubscribed" in removed.stderr
    assert listed(here) == ["=cmd|x@example.org", "boss@example.org", "full@example.org", "info@example.org"]
    why = here.run("suppression", "why", "gone@example.org").stdout
    assert "removed by hand: wrote to us" in why
    assert "may be mailed" in why


def test_a_list_of_addresses_can_be_added_at_once(here: Place) -> None:
    file = here.folder / "more.txt"
    file.write_text("".join(f"a{number}@example.net\n" for number in range(500)))
    assert "500 addresses added" in here.run("suppression", "add", "--reason", "old system", str(file)).stdout
    assert len(listed(here)) == 505


def export(here: Place, form: str, *more: str) -> str:
    done = here.run("suppression", "export", "--format", form, *more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_csv_file_says_everything_and_no_cell_of_it_is_a_formula(here: Place) -> None:
    rows = list(csv.DictReader(io.StringIO(export(here, "csv"))))
    assert [row["address"] for row in rows] == ['"=cmd|x"@example.org', *EVERYBODY[1:]]
    assert {row["reason"] for row in rows} == {"hard", "soft", "complaint", "unsubscribed"}
    assert rows[0]["text"] == "'=HYPERLINK(1)"
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t"))]


def test_an_exported_file_can_be_checked(here: Place) -> None:
    file = here.folder / "list.csv"
    export(here, "csv", "--out", str(file))
    done = here.run("suppression", "check", str(file))
    assert "5 of 5 addresses must not be mailed." in done.stderr


def test_a_parquet_file_has_the_same(here: Place) -> None:
    file = here.folder / "list.parquet"
    export(here, "parquet", "--out", str(file))
    rows = pq.read_table(file).to_pylist()
    assert [row["address"] for row in rows] == EVERYBODY
    assert [row["flags"] for row in rows][-1] == ["role"]


def test_providers_get_the_files_that_they_take_in(here: Place) -> None:
    ses = export(here, "ses").splitlines()
    assert ses == [
        '"""=cmd|x""@example.org",BOUNCE',
        "anna@example.org,COMPLAINT",
        "Gone@Example.org,BOUNCE",
        "info@example.org,COMPLAINT",
    ]
    objects = [json.loads(line) for line in export(here, "ses-json").splitlines()]
    assert {"emailAddress": "anna@example.org", "reason": "COMPLAINT"} in objects
    assert export(here, "sendgrid").splitlines()[0] == "email"
    bounces = list(csv.DictReader(io.StringIO(export(here, "mailgun"))))
    assert [row["address"] for row in bounces] == ['"=cmd|x"@example.org', "Gone@Example.org"]
    assert bounces[1]["code"] == "550"
    assert bounces[1]["created_at"].endswith("+0000")
    assert export(here, "mailgun-complaints").splitlines()[1].startswith("anna@example.org,")
    assert export(here, "mailgun-unsubscribes").splitlines()[1].startswith("info@example.org,*,")


def test_providers_get_those_with_an_end_only_when_asked_to(here: Place) -> None:
    done = here.run("suppression", "export", "--format", "ses")
    assert "Left out, since they may be mailed again some day" in done.stderr
    assert "full@example.org,BOUNCE" in export(here, "ses", "--with-temporary")


def test_a_hashed_list_names_nobody_and_can_be_compared_by_who_has_the_key(tmp_path: Path) -> None:
    here = place(tmp_path, more='    suppression: {hash_key: "${LIST_KEY}"}')
    here.commit(LIFE)
    done = here.run("suppression", "export", "--hashed", LIST_KEY="k" * 32)
    assert done.returncode == 0, done.stderr
    assert "@" not in done.stdout
    assert "no such user" not in done.stdout
    wanted = hmac.new(b"k" * 32, b"gone@example.org", hashlib.sha256).hexdigest()
    assert wanted in {row["address"] for row in csv.DictReader(io.StringIO(done.stdout))}


def test_a_hashed_list_needs_a_key_and_is_for_no_provider(here: Place) -> None:
    without = here.run("suppression", "export", "--hashed")
    assert without.returncode == 2
    assert "MAILEVENTS_HASH_KEY holds no key" in without.stderr
    short = here.run("suppression", "export", "--hashed", MAILEVENTS_HASH_KEY="short")
    assert short.returncode == 2
    assert "short" not in short.stderr.replace("shorter", "")
    assert here.run("suppression", "export", "--hashed", "--format", "ses").returncode == 2


def test_other_rules_are_tried_and_change_nothing(here: Place) -> None:
    rules = here.folder / "rules.yaml"
    rules.write_text("version: 2026-12\nsoft: {on_days: 1, for_days: 7}\nhard: {for_days: 1}\n")
    done = here.run("suppression", "list", "--rules", str(rules))
    assert done.returncode == 0, done.stderr
    assert "+ once@gmial.com: soft since" in done.stdout
    assert "- Gone@Example.org: hard since" in done.stdout
    assert "Nothing was changed." in done.stdout
    content = json.loads(here.run("suppression", "list", "--rules", str(rules), "--format", "json").stdout)
    assert [one["address"] for one in content["added"]] == ["once@gmial.com"]
    assert listed(here) == EVERYBODY


def test_wrong_rules_are_named_all_at_once(here: Place) -> None:
    rules = here.folder / "rules.yaml"
    rules.write_text("sofft: {}\nhard: {on_days: 0}\nsoft: {on_days: 40}\n")
    done = here.run("suppression", "list", "--rules", str(rules))
    assert done.returncode == 2
    assert "did you mean `soft`?" in done.stderr
    assert "hard.on_days: '0' is not a whole number from 1 to 365" in done.stderr
    assert "on_days: 40 days do not fit within_days: 30" in done.stderr


def test_another_domain_is_refused(here: Place) -> None:
    done = here.run("suppression", "list", "--domain", "other.example")
    assert done.returncode == 2
    assert DOMAIN in done.stderr


def test_two_domains_have_lists_of_their_own(tmp_path: Path) -> None:
    here = place(tmp_path, more="  - domain: other.example")
    here.commit(LIFE)
    assert here.run("suppression", "list").returncode == 2
    assert listed(here, "--domain", DOMAIN) == EVERYBODY
    here.run("suppression", "add", "--domain", "other.example", "--reason", "x", "a@example.org")
    assert listed(here, "--domain", "other.example") == ["a@example.org"]
    assert listed(here, "--domain", DOMAIN) == EVERYBODY


def test_a_damaged_file_of_changes_stops_commands_and_says_what_to_do(here: Place) -> None:
    here.run("suppression", "add", "--reason", "x", "a@example.org")
    file = Path(str(here.store.layout.manual_suppressions(DOMAIN)))
    file.write_text(file.read_text()[:-20])
    for words in (["list"], ["add", "--reason", "x", "b@example.org"]):
        done = here.run("suppression", *words)
        assert done.returncode == 1
        assert "is not as it was written" in done.stderr


def test_hostile_lists_are_checked_and_end_nothing(here: Place) -> None:
    file = here.folder / "hostile.txt"
    file.write_bytes(b"gone@example.org\n\xff\xfe\x00@example.org\n" + b"x" * 3000 + b"@example.org\n")
    done = here.run("suppression", "check", "--json", str(file), "y" * 4000 + "@example.org", "\x1b[31m@example.org")
    assert done.returncode == 1, done.stderr
    assert [json.loads(line)["suppressed"] for line in done.stdout.splitlines()] == [True, False, False, False, False]
    assert "\x1b" not in here.run("suppression", "check", "\x1b[31m@example.org").stdout


def test_changes_of_several_processes_are_all_kept(here: Place) -> None:
    running = [
        FORKS.Process(target=note_changes, args=(here.store, DOMAIN, [f"a{n}@x.org"], "add", 1, "at once"))
        for n in range(8)
    ]
    for process in running:
        process.start()
    for process in running:
        process.join(PATIENCE)
    found = read_changes(here.store.layout, DOMAIN)
    assert {one.address for one in found} == {f"a{n}@x.org" for n in range(8)}
    assert len({one.at for one in found}) == 8
