"""`mailevents report` as a process: one page that needs nothing else, in both languages, with names only on demand."""

from __future__ import annotations

import re
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mailevents_dagster.model.day import Day
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS, feed_of
from mailevents_dagster.sources.uzmanposta.simulator import GeneratedMail, Simulator
from mailevents_dagster.summaries.counts import HOURS, HOURS_KEPT, counts, total
from mailevents_dagster.summaries.kinds import KINDS
from mailevents_dagster.summaries.report import page
from mailevents_dagster.summaries.report_tables import TABLES, Report
from mailevents_dagster.summaries.wording import LANGUAGES, OF_KEYS, WORDINGS, Language
from mailevents_dagster_tests.commands import Place, set_up
from mailevents_dagster_tests.summaries.days import keep
from mailevents_dagster_tests.summaries.servers import BOUNCED, DEFERRED, DELIVERED, keep_bounces, keep_lines

pytestmark = pytest.mark.slow

DAY = Day.from_key("2026-11-18", "Europe/Istanbul")
SETTINGS = """
timezone: Europe/Istanbul
start: 2026-11-01T00:00
storage: ./data
api: {{base_url: "{base_url}"}}
accounts:
  - domain: a.example
    api_key: "${{KEY_A}}"
    feeds: [mail/incominglog, mail/outgoinglog, quarantine/quarantine, quarantine/hold, authentication]
  - {{domain: xn--gney-0ra.example, api_key: "${{KEY_A}}", feeds: [mail/incominglog]}}
mail_logs: [{{name: mx1, format: postfix, files: simulator}}]
"""
Made = Callable[..., "Page"]
VOID = {"meta", "img", "link", "br", "input"}


class Page(HTMLParser):
    """What a page holds: its texts, its pictures and whatever it refers to; elements that are not closed are wrong."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.pictures: list[str] = []
        self.references: list[str] = []
        self.elements: set[str] = set()
        self.language = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        given = {name: value or "" for name, value in attrs}
        self.references += [given[name] for name in ("src", "href", "action", "srcset", "data") if name in given]
        if tag == "img":
            self.pictures.append(given["src"])
            assert given["alt"]
        if tag == "html":
            self.language = given["lang"]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts += [data.strip()] if data.strip() else []

    @property
    def said(self) -> str:
        return "\n".join(self.texts)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    source = GeneratedMail(seed=3, events_per_hour=20)
    with Simulator(source=source) as api:
        place = set_up(tmp_path_factory.mktemp("place"), api, text=SETTINGS)
        for feed in (feed_of("a.example", name) for name in FEED_KINDS):
            for hour in DAY.hours:
                keep(place.store, feed, hour, source.rows(feed.domain, feed.name, hour.start, hour.end - 1))
        noon = list(DAY.hours)[12]
        keep_lines(place.store, noon, *DELIVERED, BOUNCED, DEFERRED)
        keep_bounces(place.store, noon)
        yield place


def failed(place: Place) -> list[dict[str, object]]:
    records = place.api.source.rows("a.example", "authentication", DAY.start, DAY.end - 1)
    return [one for one in records if one["status"] == "failed"]


@pytest.fixture(scope="module")
def made(place: Place) -> Made:
    """The page that the command writes with these options, run once for all tests."""

    @cache
    def page_of(*arguments: str) -> Page:
        done = place.run("report", "--day", DAY.key, "--out", "-", *arguments)
        assert done.returncode == 0, done.stderr
        return Page(done.stdout)

    return page_of


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_refers_to_nothing_and_is_in_its_language(made: Made, language: Language) -> None:
    found = made("--lang", language)

    assert found.language == language
    assert len(found.pictures) == len(KINDS)
    assert all(reference.startswith("data:image/svg+xml;base64,") for reference in found.references)
    assert not found.elements & {"script", "link", "iframe", "object", "base", "form"}
    assert "prefers-color-scheme: dark" in found.said
    assert "@page" in found.said
    assert not re.search(r"url\(|@import|https?:", found.said)
    assert all(WORDINGS[kind][language] in found.texts for kind in KINDS)
    other = LANGUAGES[1 - LANGUAGES.index(language)]
    foreign = {one[other] for one in WORDINGS.values()} - {one[language] for one in WORDINGS.values()}
    assert not foreign & set(found.texts)


def test_the_pictures_are_whole_and_hold_no_script_or_address(made: Made) -> None:
    for picture in made().pictures:
        drawn = b64decode(picture.partition(",")[2])
        assert ElementTree.fromstring(drawn).tag == "{http://www.w3.org/2000/svg}svg"
        assert b"<script" not in drawn
        assert not re.search(rb'(?:xlink:)?href="(?!#)', drawn)


def test_the_numbers_are_those_of_the_day(place: Place, made: Made) -> None:
    found = made()
    mails = sum(
        len(place.api.source.rows("a.example", name, DAY.start, DAY.end - 1))
        for name in ("mail/incominglog", "mail/outgoinglog")
    )

    assert found.texts[found.texts.index("mails") + 1] == f"{mails:,}"
    assert found.texts[found.texts.index("failed") + 1] == f"{len(failed(place)):,}"
    assert "güney.example" in found.said
    server = made("--domain", "mx1")
    assert found.texts[found.texts.index("arrivals") + 1] == server.texts[server.texts.index("arrivals") + 1] == "1"
    assert {"mx1", "example.org"} <= set(server.texts)
    assert not re.search(r"\w@\w", server.said), "no address of the log"
    assert WORDINGS["incomplete"].en in found.texts, "the other domain has no hour"
    assert WORDINGS["incomplete"].en not in made("--domain", "a.example").texts


def test_users_and_addresses_are_named_only_where_they_are_asked_for(place: Place, made: Made) -> None:
    names = {str(one[name]) for one in failed(place) for name in ("email", "srcip")}
    assert len(names) > 20

    assert not [name for name in names if name in made().said]
    named = made("--with-users").said
    assert [name for name in names if name in named]


def test_it_is_written_for_its_owner_alone_and_says_where(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "made here" / "report.html"

    done = place.run("report", "--day", DAY.key, "--out", str(file), "--domain", "A.EXAMPLE")

    assert (done.returncode, done.stderr) == (0, "")
    assert str(file) in done.stdout
    assert "120 of 120 hours" in done.stdout
    assert file.stat().st_mode & 0o077 == 0
    assert Page(file.read_text()).pictures


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--day", "2026-11-17"), 3, "Nothing is stored of 2026-11-17."),
        (("--day", DAY.key, "--domain", "güney.example"), 3, "Nothing is stored"),
        (("--day", "20.11.2026"), 2, "is not a day"),
        (("--day", "9999-12-31"), 2, "is not a day"),
        (("--day", DAY.key, "--domain", "b.example"), 2, "not in the settings"),
        (("--day", DAY.key, "--lang", "de"), 2, "de"),
        ((), 2, "--day"),
    ],
    ids=str,
)
def test_what_cannot_be_reported_is_one_sentence_and_an_exit_code(
    place: Place, tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = place.run("report", *arguments, "--out", str(tmp_path / "report.html"))

    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_an_hour_that_cannot_be_read_is_named_and_the_rest_is_reported(place: Place) -> None:
    hour = next(iter(DAY.hours))
    snapshot = Path(str(place.store.layout.snapshot(feed_of("a.example", "quarantine/hold"), hour)))
    whole = snapshot.read_bytes()
    snapshot.write_bytes(whole[:50])
    try:
        done = place.run("report", "--day", DAY.key, "--out", "-", "--domain", "a.example")
    finally:
        snapshot.write_bytes(whole)

    assert done.returncode == 1
    assert str(hour) in done.stderr
    assert Page(done.stdout).pictures


def test_it_loads_no_dagster(place: Place) -> None:
    program = (
        "import sys\nfrom mailevents_dagster.cli import main\n"
        f"try: main(['report', '--day', '{DAY.key}', '--out', '-'])\nexcept SystemExit: pass\n"
        "print('loaded', [name for name in sys.modules if name.split('.')[0] == 'dagster'], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=place.environment, capture_output=True, text=True, check=False
    )

    assert "loaded []" in done.stderr


def test_no_wording_is_missing_in_either_language() -> None:
    assert all(said.en.strip() and said.tr.strip() for said in [*WORDINGS.values(), *OF_KEYS.values()])
    same = {name for name, said in WORDINGS.items() if said.en == said.tr}
    assert not same, "a wording that was left untranslated"
    used = {name for kind in KINDS.values() for name in (*kind.shown, *kind.compared)}
    assert used | {measure for tables in TABLES.values() for measure, _ in tables} <= WORDINGS.keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_from_the_mail_are_text_and_never_markup(language: Language) -> None:
    name = '<script>alert("x")</script>&amp;'
    table = counts("sender_domain", [(name, 3)])
    report = Report(DAY, {"a.example": {KINDS["deliverability"]: table}})

    found = Page(page(report, language, DAY.end, with_users=False))

    assert "script" not in found.elements
    assert name in found.said


def test_hours_are_counted_once_though_two_summaries_read_them() -> None:
    hour = next(iter(DAY.hours)).key
    table = total([counts(HOURS, [(None, 2)], hour), counts(HOURS_KEPT, [(None, 1)], hour)])

    report = Report(DAY, {"a.example": {KINDS["volume"]: table, KINDS["deliverability"]: table}})

    assert (report.hours_kept, report.hours) == (1, 2)
