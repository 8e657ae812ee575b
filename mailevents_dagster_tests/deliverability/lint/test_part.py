"""A sample of a domain's mails is judged each day, and nothing that is shown of it names a mail."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
import yaml

from mailevents_dagster.build import build_defs
from mailevents_dagster.deliverability.lint.linting import RULES
from mailevents_dagster.deliverability.lint.part import LINT
from mailevents_dagster.deliverability.lint.rule import Weight
from mailevents_dagster.deliverability.part import Made, Work
from mailevents_dagster.model.day import Day
from mailevents_dagster.settings import Settings, SettingsError
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.mailbox.feeds import messages_of
from mailevents_dagster.sources.mailbox.simulator import Simulator
from mailevents_dagster.sources.outcomes.settings.section import DeliverabilitySettings
from mailevents_dagster_tests.homes import in_files
from mailevents_dagster_tests.sources.mailbox.graph_mailbox import ADDRESS, NOW, Place, mail, place, quiet, sent

pytestmark = pytest.mark.slow

DAY = Day.from_key("2026-11-20", "UTC")
Load = Callable[..., Settings]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def loaded(domain: str = "example.com", **lint: object) -> Settings:
        written = {
            "start": "2026-11-20T00:00",
            "storage": str(tmp_path / "data"),
            "mailboxes": [{"address": ADDRESS, "tenant_id": "simulator"}],
            "deliverability": [{"domain": domain, "lint": {"dns": False, **lint}}],
        }
        file = tmp_path / "mailevents.yaml"
        file.write_text(yaml.safe_dump(written))
        return load_settings(file, {})

    return loaded


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    with Simulator(quiet(), now=lambda: NOW) as simulator:
        made = place(simulator, tmp_path)
        yield made
        made.client.close()


def made(settings: Settings, here: Place, note: Callable[[str], object] = lambda _: None) -> Made:
    domain = settings.section(DeliverabilitySettings).judged("example.com")
    return LINT.make(Work(settings, domain, here.store, DAY, lambda *_: None, note))


def failed(found: Made) -> dict[str, int]:
    return {row["rule"]: row["failed"] for row in found.rows.to_pylist() if row["failed"]}


def test_mails_of_the_domain_are_judged_and_those_of_others_are_not(here: Place, load: Load) -> None:
    mails = [sent(10), sent(20, subject="RE: 기준가"), sent(30, subject="Fwd: x")]
    here.mailbox.add(*mails, mail(40, subject="RE: x"))
    here.collect()
    found = made(load(), here)
    assert found.numbers["mails_judged"] == 3
    assert failed(found)["false-reply"] == 2
    assert {row["mails"] for row in found.rows.to_pylist()} == {3}
    assert len(found.rows) == len(RULES)
    assert found.rows.column_names == [column.name for column in LINT.columns]


def test_each_rule_of_weight_error_has_a_check_that_tolerates_a_few(here: Place, load: Load) -> None:
    here.mailbox.add(*(sent(10 * number, subject="RE: x" if number < 2 else "x") for number in range(10)))
    here.collect()
    strict, lax = made(load(), here), made(load(tolerated_percent=20), here)
    assert strict.verdicts.keys() == LINT.checks.keys()
    assert len(LINT.checks) == sum(rule.weight is Weight.ERROR for rule in RULES)
    assert not strict.verdicts["false_reply"].passed
    assert lax.verdicts["false_reply"].passed
    assert strict.verdicts["false_reply"].said.startswith("2 of 10 mails fail. Take the prefix")


def test_a_sample_is_the_same_each_time_and_not_the_first_mails(here: Place, load: Load) -> None:
    here.mailbox.add(*(sent(10 * number, subject="RE: x" if number % 2 else "x") for number in range(40)))
    here.collect()
    found = [made(load(sample=10), here) for _ in range(2)]
    assert found[0].numbers == found[1].numbers
    assert found[0].numbers["mails_judged"] == 10
    assert failed(found[0])["false-reply"] not in (0, 5, 10)


def test_nothing_that_is_shown_holds_an_address_a_subject_or_a_digest(here: Place, load: Load) -> None:
    mails = [sent(10, subject="RE: secretword"), sent(20, author=("N", "noreply@example.com"))]
    here.mailbox.add(*mails)
    here.collect()
    noted: list[str] = []
    found = made(load(), here, noted.append)
    shown = json.dumps([noted, found.numbers, found.said, found.rows.to_pylist(), *map(repr, found.verdicts.values())])
    assert found.numbers["error_rules_failed"]
    for private in ("secretword", "@", *(row["blob"] for row in here.rows())):
        assert private not in shown


def test_mails_that_cannot_be_read_are_counted_and_the_others_judged(here: Place, load: Load) -> None:
    here.mailbox.add(sent(10), sent(20))
    here.collect()
    path = here.blobs.path(here.rows()[0]["blob"])
    assert path is not None
    path.unlink()
    noted: list[str] = []
    found = made(load(), here, noted.append)
    assert (found.numbers["mails_judged"], found.numbers["mails_unreadable"]) == (1, 1)
    assert any("left out" in one for one in noted)


def test_a_day_without_mails_passes_and_says_so(here: Place, load: Load) -> None:
    found = made(load(), here)
    assert found.said == "No mail of the domain is stored of this day."
    assert all(verdict.passed for verdict in found.verdicts.values())


def test_mailboxes_that_are_not_there_are_refused(load: Load) -> None:
    with pytest.raises(SettingsError, match=r"lint\.mailboxes: .*other@example\.com"):
        load(mailboxes=["other@example.com"])
    with pytest.raises(SettingsError, match="no mailbox is of the domain"):
        load("other.example")


def test_a_run_of_a_day_shows_its_numbers_and_checks(here: Place, load: Load) -> None:
    here.mailbox.add(sent(10), replace(sent(20), subject="RE: x"))
    here.collect()
    settings = load()
    defs = build_defs(settings)
    assert LINT.made_of(settings, settings.section(DeliverabilitySettings).judged("example.com")) == [
        messages_of(ADDRESS)
    ]
    with in_files() as instance:
        result = dg.materialize(
            list(defs.assets or ()),
            selection=[dg.AssetKey(["deliverability", "example.com", "lint"])],
            resources=defs.resources,
            instance=instance,
            partition_key=DAY.key,
        )
    [event] = result.get_asset_materialization_events()
    assert event.materialization.metadata["mails_judged"].value == 2
    checks = {one.check_name: one for one in result.get_asset_check_evaluations()}
    assert checks.keys() == LINT.checks.keys()
    assert not checks["false_reply"].passed
