"""`mailevents report --mail` as a process: the report of a day goes to those whom the settings name."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailevents_dagster.deliverability.lint.keys import ask_nobody
from mailevents_dagster.deliverability.lint.linting import findings_of
from mailevents_dagster.deliverability.lint.mail import mail_of
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.simulator import GeneratedMail, Simulator
from mailevents_dagster_tests.commands import Place, set_up
from mailevents_dagster_tests.deliveries.mail.post_office import HERE, USER, PostOffice, open_post_office
from mailevents_dagster_tests.summaries.days import NOON, keep

pytestmark = pytest.mark.slow

SETTINGS = """
start: 2026-11-01T00:00
storage: ./data
api: {{base_url: "{base_url}"}}
accounts: [{{domain: a.example, api_key: "${{KEY_A}}", feeds: [mail/incominglog, authentication]}}]
"""
DAY = NOON.key[:10]


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with open_post_office() as opened:
        yield opened


@pytest.fixture
def place(tmp_path: Path, office: PostOffice) -> Iterator[Place]:
    source = GeneratedMail(seed=3, events_per_hour=50)
    mail = f"{{to: [a@example.com, b@example.com], from: {USER}, smtp_host: {HERE}, smtp_port: {office.port}"
    with Simulator(source=source) as api:
        made = set_up(tmp_path, api, text=SETTINGS)
        with (tmp_path / "mailevents.yaml").open("a") as file:
            file.write(f"report: {{mail: {mail}, starttls: false, language: tr}}}}\n")
        for feed in (feed_of("a.example", name) for name in ("mail/incominglog", "authentication")):
            keep(made.store, feed, NOON, source.rows(feed.domain, feed.name, NOON.start, NOON.end - 1))
        yield made


def test_the_report_is_sent_in_the_language_of_the_settings_or_in_another(place: Place, office: PostOffice) -> None:
    done = place.run("report", "--day", DAY, "--mail")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"Sent for 2 addresses: 2 of 48 hours of feeds are stored of {DAY}.\n"
    place.run("report", "--day", DAY, "--mail", "--lang", "en")
    assert [one["Subject"] for one in office.mails] == [f"E-posta olayları: {DAY}", f"Mail events of {DAY}"]
    assert not [*place.folder.glob("*.html")]


def test_it_passes_our_own_rules_and_names_no_user(place: Place, office: PostOffice) -> None:
    place.run("report", "--day", DAY, "--mail")
    found = findings_of(mail_of(office.raw[0], ask_nobody, time.time()))
    assert [one.rule.id for one in found] == ["not-sent-yet"]
    text = office.mails[0].get_body(("plain",))
    assert text is not None
    assert "@" not in text.get_content()


def test_a_server_that_does_not_take_it_is_told_with_what_to_do(place: Place, office: PostOffice) -> None:
    office.refuses = {"b@example.com": "550 5.1.1 who?"}
    done = place.run("report", "--day", DAY, "--mail")
    assert done.returncode == 1
    assert "1 of 2 addresses" in done.stderr
    office.refuses["a@example.com"] = "550 5.1.1 who?"
    done = place.run("report", "--day", DAY, "--mail")
    assert done.returncode == 1
    assert "report.mail.to" in done.stderr


def test_options_that_do_not_go_together_are_refused(place: Place, office: PostOffice) -> None:
    for more in (["--out", "-"], ["--with-users"]):
        done = place.run("report", "--day", DAY, "--mail", *more)
        assert (done.returncode, "--mail goes with neither" in done.stderr) == (2, True)
    file = place.folder / "mailevents.yaml"
    file.write_text(file.read_text().partition("report:")[0])
    done = place.run("report", "--day", DAY, "--mail")
    assert (done.returncode, "nobody is named" in done.stderr) == (2, True)
    assert not office.mails
