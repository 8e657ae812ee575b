"""Old suppression lists: one a month stays, and what a legal hold keeps."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

from mailevents_dagster.model.day import Day
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.outcomes.feeds import SUPPRESSION_LIST
from mailevents_dagster.sources.outcomes.source import OUTCOMES_SOURCE
from mailevents_dagster.store.opening import store_of

DOMAIN = "example.com"
TODAY = date(2026, 11, 20)
HOLD = {"feeds": f"{DOMAIN} deliverability/*", "from": "2026-08-03T00:00", "until": "2026-08-05T00:00", "reason": "x"}


def kept(folder: Path, days: int, *holds: object, missing: str = "") -> list[str]:
    written = {
        "start": "2026-01-01T00:00",
        "storage": str(folder / "data"),
        "mail_logs": [{"name": "mx1", "format": "exim", "files": "simulator"}],
        "deliverability": [{"domain": DOMAIN}],
        "retention": {"legal_hold": list(holds)},
    }
    (folder / "mailevents.yaml").write_text(yaml.safe_dump(written))
    settings = load_settings(folder / "mailevents.yaml", {})
    store = store_of(settings)
    for ago in range(days):
        day = (TODAY - timedelta(days=ago)).isoformat()
        if not (missing and day.startswith(missing)):
            file = store.layout.part(DOMAIN, SUPPRESSION_LIST, day)
            file.parent.mkdir(parents=True)
            file.write_text(day)
    for _ in range(2):
        OUTCOMES_SOURCE.tidy(settings, store, Day(TODAY, settings.timezone).start + 3600)
    every = store.layout.part(DOMAIN, SUPPRESSION_LIST, "").parent.parent
    assert store.layout.part_dates(DOMAIN, SUPPRESSION_LIST)
    return sorted(path.read_text() for path in every.glob("*/day.parquet"))


def test_of_days_before_the_last_sixty_the_last_of_each_month_stays(tmp_path: Path) -> None:
    found = kept(tmp_path, 150)
    assert found[:3] == ["2026-06-30", "2026-07-31", "2026-08-31"]
    assert found[3:] == [(TODAY - timedelta(days=ago)).isoformat() for ago in range(60, -1, -1)]


def test_the_newest_of_a_month_without_its_end_stays(tmp_path: Path) -> None:
    assert kept(tmp_path, 150, missing="2026-08-3")[2] == "2026-08-29"


@pytest.mark.parametrize("days", [1, 60])
def test_new_lists_all_stay(tmp_path: Path, days: int) -> None:
    assert len(kept(tmp_path, days)) == days


def test_a_legal_hold_keeps_each_of_its_days(tmp_path: Path) -> None:
    found = [day for day in kept(tmp_path, 150, HOLD) if day.startswith("2026-08")]
    assert found == ["2026-08-03", "2026-08-04", "2026-08-31"]
