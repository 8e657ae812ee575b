"""What a person sees in Dagster's web interface, in a real browser; each page is also a picture of the documentation.

Run by `make screenshots`. MAILEVENTS_IMAGES names the folder of the pictures; without it they are dropped.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import dagster as dg
import pytest

from mailevents_dagster.model.day import Day
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.orchestration.checks import OF_HOURS
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS, feed_of
from mailevents_dagster.sources.uzmanposta.simulator import Answer, Behaviour, Request
from mailevents_dagster_tests.projects import KEY, range_tags
from mailevents_dagster_tests.summaries.days import OF_DOMAINS
from mailevents_dagster_tests.webserver import Ui, webserver

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page, ViewportSize

Take = Callable[..., None]

pytestmark = pytest.mark.browser

ZONE = "Europe/Istanbul"
DOMAINS = ("deniz.example", "kuzey.example")
FEEDS = [feed_of(DOMAINS[0], name) for name in FEED_KINDS]
INCOMING = FEEDS[0]
OWED = 3
"""Details that could not be had."""
HEIGHT = 860
WINDOW: ViewportSize = {"width": 1400, "height": HEIGHT}
IS_DRAWN = """canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean)"""
LARGEST = 250_000
"""Bytes of a picture: README loads them all."""
PATIENCE = 30_000
"""Milliseconds: the first page of a web server that was just started takes seconds."""
SETTINGS = """
timezone: Europe/Istanbul
start: THE_DAY_BEFORE_YESTERDAY
storage: ./data
api: {{base_url: "{base_url}", requests_per_second: null, max_attempts: 1, max_parallel_details: 4}}
accounts:
  - domain: deniz.example
    api_key: ${{UZMANPOSTA_KEY}}
    feeds: [mail/incominglog, mail/outgoinglog, quarantine/quarantine, quarantine/hold, authentication]
  - domain: kuzey.example
    api_key: ${{UZMANPOSTA_KEY}}
    feeds: [mail/incominglog, authentication]
"""


@dataclass(frozen=True)
class Story:
    """Two days before today: all hours of the first are there; of the next some are missing, and one failed."""

    ui: Ui
    hours: Sequence[Hour]
    """Of both days."""

    @property
    def day(self) -> str:
        return self.hours[0].stamp("%Y-%m-%d")

    @property
    def failed(self) -> Hour:
        return self.hours[24 + 13]

    @property
    def owing(self) -> Hour:
        """Some of its details could not be had."""
        return self.hours[24 + 16]

    def summary(self, kind: str) -> Sequence[str]:
        return ("summaries", INCOMING.domain, kind)

    def events(self, hour: Hour, feed: Feed = INCOMING) -> int:
        return len(self.ui.api.truth(feed.domain, feed.name, hour.start, hour.end))

    def page(self, key: Sequence[str]) -> str:
        return f"{self.ui.url}/assets/" + "/".join(quote(part, safe="") for part in key)


@pytest.fixture(scope="module")
def story(context: BrowserContext, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """After the browser: where there is none, nobody waits for hours to be collected."""
    end = Day.from_key(Hour.containing(time.time(), ZONE).stamp("%Y-%m-%d"), ZONE).start
    hours = [Hour(start, ZONE) for start in range(end - 48 * SECONDS, end, SECONDS)]
    settings = SETTINGS.replace("THE_DAY_BEFORE_YESTERDAY", hours[0].stamp("%Y-%m-%dT%H:%M"))
    behaviour = Behaviour(events_per_hour=40)
    with webserver(tmp_path_factory.mktemp("browser"), settings, behaviour, KEY, DOMAINS) as ui:
        made = Story(ui, hours)
        tell(made)
        yield made


def tell(story: Story) -> None:
    """Collects what the pages show, in real runs."""
    ui, first, failed, owing = story.ui, story.hours[:24], story.failed, story.owing
    feeds = [*FEEDS, *(feed_of(DOMAINS[1], name) for name in ("mail/incominglog", "authentication"))]
    keys = [dg.AssetKey(feed.asset_key) for feed in feeds]
    assert ui.end_of(ui.materialize(keys, range_tags(first)), patience=300) == "SUCCESS"

    def is_listing(request: Request) -> bool:
        # A listing begins a little before its hour.
        return request.kind == "list" and failed.holds(float(request.params["starttime"]) + 60)

    def is_detail(request: Request) -> bool:
        return request.kind == "detail" and owing.holds(float(request.params["time"]))

    ui.api.fail_next(is_listing, Answer(500), times=None)
    assert ui.end_of(ui.launch(INCOMING, range_tags(story.hours[24 + 8 : 24 + 16]))) == "FAILURE"
    ui.api.fail_next(is_detail, Answer(500), times=OWED)
    assert ui.end_of(ui.launch(INCOMING, range_tags([owing, owing.next]))) == "SUCCESS"

    summaries = [dg.AssetKey(["summaries", DOMAINS[0], kind]) for kind in OF_DOMAINS]
    assert ui.end_of(ui.materialize(summaries, {"dagster/partition": story.day})) == "SUCCESS"


@pytest.fixture(scope="module")
def context() -> Iterator[BrowserContext]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        pytest.fail("The package playwright is missing. Run `make screenshots`, which installs it.")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.fail("The browser chromium is missing. On Debian or Ubuntu: apt install chromium")
    # Chromium refuses to sandbox itself as root, which containers run as; it sees nothing but pages of ours.
    arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium, args=arguments) as browser,
    ):
        context = browser.new_context(viewport=WINDOW, locale="en-US", timezone_id=ZONE, reduced_motion="reduce")
        context.set_default_timeout(PATIENCE)
        yield context


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    with context.new_page() as page:
        yield page


@pytest.fixture
def take(page: Page, tmp_path: Path) -> Take:
    """Takes a picture of the page, or of a part of it."""
    folder = Path(os.environ.get("MAILEVENTS_IMAGES") or tmp_path)

    def take(name: str, **clip: int) -> None:
        page.mouse.move(0, 0)  # nothing is hovered over
        page.wait_for_load_state("networkidle")
        picture = folder / f"{name}.png"
        page.screenshot(path=picture, animations="disabled", clip={"x": 0, "y": 0, **WINDOW, **clip})
        assert picture.stat().st_size < LARGEST

    return take


def text(page: Page, wanted: str | re.Pattern[str]) -> Locator:
    """The first place on the page that holds the text alone, once it is visible."""
    found = page.get_by_text(wanted, exact=True).filter(visible=True).first
    found.wait_for()
    return found


def test_the_graph_shows_feeds_and_what_is_summed_up_from_them(story: Story, page: Page, take: Take) -> None:
    page.set_viewport_size({"width": 1500, "height": 1240})
    page.goto(f"{story.ui.url}/asset-groups?expanded={quote('global@global:' + INCOMING.group, safe='')}")

    for name in (*(feed.name.rpartition("/")[2] for feed in FEEDS), *OF_DOMAINS, "kuzey_example", "all_domains"):
        text(page, name)
    assert text(page, re.compile(r"\d+% filled \(1 failed\)"))
    take("graph", x=600, y=120, width=850, height=1040)


def test_the_hours_of_a_feed_show_which_are_there_missing_and_failed(story: Story, page: Page, take: Take) -> None:
    there = len(story.hours[:24]) + 8 - 1 + 2
    page.goto(f"{story.page(INCOMING.asset_key)}?view=partitions&partition={quote(story.hours[24 + 12].key)}")

    text(page, f"Materialized ({there})")
    text(page, "Failed (1)")
    missing = text(page, re.compile(r"Missing \(\d+\)")).inner_text()
    in_all = text(page, re.compile(r"\d+ Partitions Selected")).inner_text()
    assert number(missing) + there + 1 == number(in_all)
    text(page, "Materialized")
    row = page.get_by_role("row").filter(has_text="dagster/partition_row_count")
    assert number(row.inner_text()) == story.events(story.hours[24 + 12]) > 0
    page.get_by_placeholder("Filter by name").fill(story.failed.key[: len("2026-11-20-1")])
    for hour in story.hours[24 + 10 : 24 + 20]:
        text(page, hour.key)
    take("partitions", height=735)

    for status in ("Materialized", "Missing"):
        text(page, re.compile(rf"{status} \(\d+\)")).click()
    for hour in (story.owing, story.hours[24 + 18]):
        page.get_by_text(hour.key, exact=True).filter(visible=True).first.wait_for(state="hidden")
    text(page, story.failed.key)


def test_a_failed_check_says_what_to_do_beside_its_numbers(story: Story, page: Page, take: Take) -> None:
    page.goto(f"{story.page(INCOMING.asset_key)}?view=checks&checkDetail=complete")

    text(page, re.compile(f"^{OWED} details could not be had; the next collection asks for them first."))
    for name, value in {"details_owed": OWED, "failing_hours": story.owing.key, "hours": 2}.items():
        page.get_by_role("row").filter(has_text=re.compile(rf"^{name}\s*{value}$")).first.wait_for()
    assert page.get_by_text("Succeeded", exact=True).count() >= len(OF_HOURS) - 1
    take("checks", height=665)


def test_the_chart_of_a_summary_is_drawn(story: Story, page: Page, take: Take) -> None:
    page.goto(f"{story.page(story.summary('volume'))}?view=partitions&partition={story.day}")
    mails = page.get_by_role("row").filter(has_text=re.compile(r"^mails\s*\d"))
    feeds = [feed for feed in FEEDS if feed.kind.has_details]
    assert number(mails.inner_text()) == sum(story.events(hour, feed) for feed in feeds for hour in story.hours[:24])
    text(page, "[Show Markdown]").click()

    chart = page.get_by_role("dialog").get_by_role("img", name="Mails in and out, hour by hour.")
    chart.wait_for()
    assert chart.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    box = chart.bounding_box()
    assert box
    take("summary", x=int(box["x"]), y=int(box["y"]), width=int(box["width"]), height=int(box["height"]))


def test_the_numbers_of_hours_are_drawn_as_plots(story: Story, page: Page, take: Take) -> None:
    page.goto(f"{story.page(INCOMING.asset_key)}?view=overview")
    text(page, "Plots").click()

    for name in ("dagster/partition_row_count", "api_calls", "detail_calls"):
        plot = text(page, name).locator("xpath=following::canvas[1]")
        plot.scroll_into_view_if_needed()
        assert plot.evaluate(IS_DRAWN)
    text(page, "Metadata").evaluate("heading => heading.scrollIntoView({block: 'start'})")
    take("plots", x=252, y=104, width=780, height=590)


def test_the_page_of_an_asset_leads_to_its_code_and_its_settings(story: Story, page: Page) -> None:
    page.goto(f"{story.page(INCOMING.asset_key)}?view=overview")

    text(page, "Source code")
    links = [page.get_by_role("link").filter(has_text=name) for name in ("assets.py", "mailevents.yaml")]
    files = [str(link.get_attribute("href")).removeprefix("vscode://file/") for link in links]
    assert "def collect" in line_of(files[0])
    assert INCOMING.domain in line_of(files[1])


def test_the_page_of_the_code_location_shows_what_runs_by_itself_and_what_it_is_for(story: Story, page: Page) -> None:
    page.goto(f"{story.ui.url}/locations/mailevents")
    text(page, "Loaded")
    text(page, "mailevents_dagster.definitions")

    page.goto(f"{story.ui.url}/locations/mailevents/jobs")
    text(page, "collect_hours").click()
    text(page, re.compile("^Collects hours of the feeds"))


def number(said: str) -> int:
    """The one number of a text."""
    [found] = re.findall(r"\d[\d,]*", said)
    return int(found.replace(",", ""))


def line_of(place: str) -> str:
    """What stands at a place of a file, `path:line`, and on the line after it."""
    path, _, line = place.rpartition(":")
    return "".join(Path(path).read_text().splitlines(keepends=True)[int(line) - 1 : int(line) + 12])
