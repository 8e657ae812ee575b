"""What the pages show beside commands that are run: settings, JSON, what is printed, and commands within sentences."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from mailevents_dagster.cli import main
from mailevents_dagster.collecting.operating_logs import OperatingLogs
from mailevents_dagster.collecting.planning import Ask, Plan
from mailevents_dagster.model.hour import SECONDS
from mailevents_dagster.orchestration.sensor import sentence
from mailevents_dagster.settings import OperatingLogSettings
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.uzmanposta.errors import ApiError, Cause
from mailevents_dagster.store.cursor_file import write_cursor
from mailevents_dagster.store.cursors import Cursor, Failure
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests import pages
from mailevents_dagster_tests.commands import below
from mailevents_dagster_tests.conftest import AUTHENTICATION, DOMAIN, INCOMING, NOON
from mailevents_dagster_tests.following import FOLLOWED, RUN_HERE, is_settings
from mailevents_dagster_tests.pages import ALL_BLOCKS, CHECKOUT, KEY, PAGES, Block, as_of_today, blocks_of

NOT_RUN: Mapping[str, str] = {
    "CONTRIBUTING.md": "these very tests, long ones and the newcomer's; each target is there",
    "benchmarks/README.md": "minutes each; each script and option is there",
    "docs/containers.md": "Docker's engine",
    "docs/kubernetes.md": "a cluster and helm",
    "docs/deliverability.md: mailevents": "mails whose ids are known; tests of the command have some",
    "docs/operations.md: useradd": "root, a user of its own, the package index",
    "docs/operations.md: cd": "git and the package index",
}
"""Blocks that no test and no newcomer runs, by page, or by page and first word, and what they would need."""
SHOWN = {"text", "mermaid"}
MINIMAL = """
start: 2026-11-01T00:00
accounts: [{domain: example.com, feeds: [authentication, mail/incominglog], api_key: "${KEY}"}]
"""
SPAN = re.compile(r"(?<!`)`((?:\.venv/bin/)?mailevents(?: [^`]*)?)`(?!`)")


def of(language: str) -> list[Block]:
    return [block for block in ALL_BLOCKS if block.language == language]


def test_every_block_says_what_it_is_and_is_run_or_known_not_to_be() -> None:
    assert {block.language for block in ALL_BLOCKS} == {*RUN_HERE, "yaml", "json", "console", *SHOWN}
    assert not [
        str(block)
        for block in ALL_BLOCKS
        if block.language in SHOWN and re.search(r"^(mailevents|make) ", block.text, re.M)
    ]
    assert {block.page for block in ALL_BLOCKS if block.language in RUN_HERE} == {
        *FOLLOWED,
        "README.md",
        "README.tr.md",
    }


def test_the_blocks_that_nothing_runs_are_few_and_known() -> None:
    pages = {name for name in NOT_RUN if ": " not in name}
    alone = [block for block in of("console") if block.page not in pages]
    words = [f"{block.page}: {block.text.split()[0]}" for block in alone]
    assert sorted(words) == sorted(set(NOT_RUN) - pages)
    assert pages <= {block.page for block in of("console")}


@pytest.mark.parametrize("block", of("console"), ids=str)
def test_what_is_not_run_is_there_all_the_same(block: Block) -> None:
    for line in block.text.replace("\\\n", "").splitlines():
        words = shlex.split(line, comments=True)
        if words and words[0] == "make":
            subprocess.run(["make", "--dry-run", *words[1:]], cwd=CHECKOUT, check=True, capture_output=True)
        scripts = [word for word in words if word.startswith("benchmarks/")]
        options = [word for word in words if scripts and word.startswith("--")]
        for script in scripts:
            text = (CHECKOUT / script).read_text(encoding="utf-8")
            assert all(f'"{option}"' in text for option in options), line


def test_the_turkish_readme_has_the_commands_of_the_english_one() -> None:
    def commands(page: str) -> list[str]:
        return [re.sub('-rsp ".*?"', "-rsp", block.text) for block in blocks_of(page) if block.language == "sh"]

    assert commands("README.tr.md") == commands("README.md")


@pytest.mark.parametrize("block", [block for block in of("yaml") if is_settings(block)], ids=str)
def test_settings_on_a_page_load(block: Block, tmp_path: Path) -> None:
    shown = yaml.safe_load(as_of_today(block.text))
    file = tmp_path / "mailevents.yaml"
    file.write_text(yaml.safe_dump(shown if "accounts" in shown else yaml.safe_load(as_of_today(MINIMAL)) | shown))
    named = re.findall(r"\$\{(\w+)\}", file.read_text())
    known = {"WEBHOOK": "https://example.com/hook", "POSTGRES": "postgresql://user:password@db.example.com/mailevents"}
    secrets = {name: next((known[word] for word in known if word in name), KEY) for name in named}

    load_settings(file, environ=secrets)


def test_the_values_that_the_readme_shows_are_the_defaults(tmp_path: Path) -> None:
    *_, block = [block for block in of("yaml") if block.page == "README.md"]
    assert "the values are the defaults" in (CHECKOUT / block.page).read_text(encoding="utf-8")
    file = tmp_path / "mailevents.yaml"
    loaded = []
    for text in (MINIMAL, MINIMAL + block.text):
        file.write_text(as_of_today(text))
        loaded.append(load_settings(file, environ={"KEY": KEY}))
    assert loaded[0] == loaded[1]


def keys(value: Any) -> object:
    """The keys of an object and of those in it, whatever else stands there."""
    if isinstance(value, dict):
        return {key: keys(inner) for key, inner in value.items()}
    return keys(value[0]) if isinstance(value, list) and value else None


def test_the_cursor_on_a_page_has_the_keys_of_a_stored_one(store: Store) -> None:
    [block] = [block for block in of("json") if block.page == "docs/automation.md"]
    cursor = Cursor(((0, SECONDS),), {SECONDS: 1.0}, {2 * SECONDS: Failure(1, 1.0, "timeout", "...")})
    path = store.layout.cursor(INCOMING)
    write_cursor(path, cursor, "UTC")
    assert keys(json.loads(block.text)) == keys(json.loads(path.read_bytes()))


def test_the_line_of_a_bounce_is_as_the_page_shows_it(tmp_path: Path) -> None:
    [shown] = [block for block in of("json") if block.page == "docs/bounces.md"]
    [command] = [block for block in of("sh") if block.page == "docs/bounces.md"]
    message = re.search(r"<<'END'\n(.*?)\nEND\n", command.text, re.DOTALL)
    assert message
    (tmp_path / "returned.eml").write_text(message[1], "utf-8")
    result = CliRunner().invoke(main, ["classify", str(tmp_path / "returned.eml")])
    assert json.loads(result.stdout) | {"file": "returned.eml"} == json.loads(shown.text)


def test_a_failed_call_on_a_page_has_the_keys_of_a_written_one(store: Store) -> None:
    [block] = [block for block in of("json") if block.page == "docs/operations.md"]
    error = ApiError(Cause.NOT_FOUND, "...").of_attempt("/logs/mail?...", 1, 0.05)
    OperatingLogs(store.layout, OperatingLogSettings(), "UTC").call_failed(INCOMING, NOON, error)
    [file] = Path(str(store.layout.log(INCOMING, NOON))).parent.glob("errors_*.log")
    assert list(json.loads(block.text)) == list(json.loads(file.read_bytes()))


def test_the_sentence_of_a_tick_on_a_page_is_what_the_sensor_says() -> None:
    [block] = [block for block in of("text") if block.page == "docs/automation.md"]
    feeds, asked, runs, behind, forgotten, hour, minute = (
        int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", block.text)
    )
    assert runs == 2
    half = asked // 2 * SECONDS
    made = Plan(
        asks=(Ask(0, half, (INCOMING,)), Ask(0, half, (AUTHENTICATION,))),
        closing=(),
        follow=(INCOMING,) * feeds,
        waiting={},
        behind=behind,
        held=0,
        forgotten=forgotten,
        next_due=hour * SECONDS + minute * 60,
    )
    assert sentence(made, "UTC") == block.text.strip()


def test_the_files_of_summaries_on_a_page_are_where_they_are_written(store: Store) -> None:
    [block] = [block for block in of("text") if block.page == "docs/summaries.md"]
    paths = [store.layout.summary("deliverability", domain, "2026-11-20") for domain in (DOMAIN, None)]
    assert block.text.splitlines() == [store.layout.relative(path) for path in paths]


def inline_commands(page: str) -> Iterator[Sequence[str]]:
    """The words of each `mailevents ...` in a sentence or table."""
    prose = re.sub(
        r"^ *```.*?^ *```$", "", (CHECKOUT / page).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    for span in SPAN.findall(prose):
        yield shlex.split(span)
    for row in re.findall(r"^\| `(mailevents [a-z]+)` \|(.*)", prose, re.MULTILINE):
        for option in re.findall(r"`(--[a-z-]+)`", row[1]):
            yield [*row[0].split(), option, *(() if is_flag(row[0].split()[1], option) else ("VALUE",))]


def is_flag(command: str, option: str) -> bool:
    return any(option in one.opts and getattr(one, "is_flag", False) for one in below(main, command).params)


def parse(words: Sequence[str]) -> None:
    """Raises where there is no such command or option, or more words than it takes."""
    command: click.Command = main
    rest = list(words[1:])
    while rest:
        _, rest, _ = command.make_parser(click.Context(command)).parse_args(rest)
        if not isinstance(command, click.Group):
            assert not rest, words
        elif rest:
            command = below(command, rest.pop(0))
            continue
        return


@pytest.mark.parametrize("page", [page for page in PAGES if any(inline_commands(page))])
def test_commands_within_sentences_and_tables_have_the_options_they_are_given(page: str) -> None:
    for words in inline_commands(page):
        parse(words)


@pytest.mark.parametrize(
    "words", [["mailevents", "colect"], ["mailevents", "collect", "--since-cursors"], ["mailevents", "feeds", "x"]]
)
def test_a_command_that_there_is_not_is_found(words: Sequence[str]) -> None:
    with pytest.raises((KeyError, click.NoSuchOption, AssertionError)):
        parse(words)


def test_dates_of_examples_move_with_the_day_the_tests_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "TODAY", date(2027, 3, 2))
    assert as_of_today("--from 2026-11-20T00:00 x_2026-11-21_14.log") == "--from 2027-03-01T00:00 x_2027-03-02_14.log"
