"""One key for several domains: one budget, which a refusal pauses for all of them, and a round that ends calmly."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml

from mailevents_dagster.collecting.outcomes import Failed, Task
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.uzmanposta.accounts import access_of
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.collect import UzmanPostaClient
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.simulator import Answer, Behaviour, Simulator
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.collecting_process import collector_in, outcomes
from mailevents_dagster_tests.conftest import NOON
from mailevents_dagster_tests.projects import NOW, Project, project, stop_the_clock

pytestmark = pytest.mark.slow

DOMAINS = ["a.example", "b.example", "c.example"]
SECRET = "one-key-for-three-domains"


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONE_KEY", SECRET)
    monkeypatch.setenv("SAME_KEY", SECRET)
    monkeypatch.setenv("ANOTHER_KEY", "an0ther-k3y")
    monkeypatch.delenv("MISSING_KEY", raising=False)


@pytest.fixture
def api() -> Iterator[Simulator]:
    with Simulator(Behaviour(requests_per_second=20)) as running:
        yield running


Account = tuple[str, str, float | None]
"""Domain, address, rate."""


def settings_of(accounts: Sequence[Account], keys: Sequence[str], folder: Path) -> Settings:
    written = [
        {"domain": domain, "base_url": url, "requests_per_second": rate, "api_key": f"${{{key}}}"}
        for (domain, url, rate), key in zip(accounts, keys, strict=True)
    ]
    document = {
        "start": "2026-11-01",
        "api": {"timeout_seconds": 10, "max_attempts": 3},
        "accounts": [{**one, "feeds": ["authentication"]} for one in written],
    }
    file = folder / "settings.yaml"
    file.write_text(yaml.safe_dump(document))
    return load_settings(file, {**os.environ, "MISSING_KEY": "g0ne-when-it-is-asked"})


def clients_of(accounts: Sequence[Account], folder: Path) -> dict[str, UzmanPostaApi]:
    settings = settings_of(accounts, ["ONE_KEY"] * len(accounts), folder)
    return {domain: UzmanPostaApi(access_of(settings, domain)) for domain, _, _ in accounts}


def test_three_domains_on_one_key_make_no_more_calls_than_the_key_may(api: Simulator, tmp_path: Path) -> None:
    clients = clients_of([(domain, api.base_url, 20) for domain in DOMAINS], tmp_path)

    def call(domain: str) -> None:
        for _ in range(25):
            clients[domain].rows(feed_of(domain, "authentication"), NOON.start, NOON.start + 1)

    threads = [threading.Thread(target=call, args=(domain,)) for domain in DOMAINS for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert api.calls.count(status=200) == 150
    # Each with a budget of its own, they would be refused twice for each answer. A busy machine can make a call late.
    assert api.calls.count(status=429) <= 3


def test_the_lowest_rate_of_a_keys_accounts_holds_for_all_and_the_file_tells_no_key(tmp_path: Path) -> None:
    url = "https://api.example/v2"
    accounts: list[Account] = [
        ("a.example", url, 20),
        ("b.example", url, 5),
        ("c.example", url, None),
        ("d.example", url, 2),
        ("e.example", "https://elsewhere.example/v2", 1),
        ("f.example", url, 1),
    ]
    keys = ["ONE_KEY", "SAME_KEY", "ONE_KEY", "ANOTHER_KEY", "ONE_KEY", "MISSING_KEY"]
    settings = settings_of(accounts, keys, tmp_path)
    made = {domain: access_of(settings, domain) for domain, _, _ in accounts[:-1]}
    assert [access.requests_per_second for access in made.values()] == [5, 5, 5, 2, 1]
    files = [access.budget for access in made.values()]
    assert files[0] == files[1] == files[2]
    assert len(set(files)) == 3
    assert not any(SECRET in str(file) or "example" in str(file and file.name) for file in files)


def test_a_budgets_file_is_its_owners_alone(tmp_path: Path, api: Simulator) -> None:
    [client] = clients_of([("a.example", api.base_url, 20)], tmp_path).values()
    client.rows(feed_of("a.example", "authentication"), NOON.start, NOON.end)
    [file] = (tmp_path / "data" / "budgets").iterdir()
    assert [stat.S_IMODE(os.stat(path).st_mode) for path in (file, file.parent)] == [0o600, 0o700]
    assert SECRET.encode() not in file.read_bytes()


@pytest.mark.parametrize("status", [429, 503])
def test_a_long_pause_of_one_domain_pauses_the_others_of_its_key_and_each_feed_says_until_when(
    status: int, api: Simulator, store: Store, tmp_path: Path
) -> None:
    clients = clients_of([(domain, api.base_url, 20) for domain in DOMAINS], tmp_path)
    kinds = ("mail/incominglog", "mail/outgoinglog", "authentication")
    feeds = [feed_of(domain, kind) for domain in DOMAINS for kind in kinds]
    api.fail_next("/logs", Answer(status, {"Retry-After": "7200"}), times=None)
    with pytest.raises(Exception, match="no call until"):
        clients["a.example"].rows(feeds[0], NOON.start, NOON.end)

    tasks = [Task(feed, [NOON, NOON.next]) for feed in feeds]
    found = outcomes(collector_in(store), lambda feed: UzmanPostaClient(clients[feed.domain]), tasks)

    assert len(api.calls) == 1
    assert [type(outcome) for outcome in found] == [Failed] * len(feeds)
    assert {outcome.feed for outcome in found} == set(feeds)
    untils = [outcome.until for outcome in found if isinstance(outcome, Failed)]
    assert untils == pytest.approx([untils[0]] * len(feeds), abs=2)
    for feed in feeds:
        cursor = store.cursor(feed)
        assert cursor is not None
        assert [failure.until for failure in cursor.failed.values()] == pytest.approx([untils[0]], abs=2)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    stop_the_clock(monkeypatch, NOW)
    with project(tmp_path, now=lambda: NOW) as made:
        yield made


def test_a_follow_run_in_which_all_was_paused_succeeds_and_says_until_when(here: Project) -> None:
    here.api.fail_next("/", Answer(429, {"Retry-After": "7200"}), times=None)

    first, second = here.run("follow"), here.run("follow")

    assert (first.success, second.success) == (True, True)
    assert len(here.api.calls) == 1
    for result in (first, second):
        [said] = [line for line in here.said(result) if "told them to wait" in line]
        assert said.startswith("5 feeds were not collected: ")


def test_a_follow_run_in_which_some_was_paused_and_the_rest_failed_is_a_failed_run(here: Project) -> None:
    here.api.fail_next(lambda request: request.path == "/logs/mail", Answer(403), times=2)
    here.api.fail_next("/", Answer(429, {"Retry-After": "7200"}), times=None)
    assert not here.run("follow").success
