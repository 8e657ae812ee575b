"""What tests of the checks share: hours to be checked, and what Dagster keeps of the verdicts."""

from __future__ import annotations

from collections import Counter

import dagster as dg

from mailevents_dagster.health.verdicts import Verdict
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.orchestration.checks import OF_HOURS, HourChecks
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster_tests.conftest import mail
from mailevents_dagster_tests.projects import DOMAIN, ONE_FEED, Project

INCOMING, SIGN_INS = "mail/incominglog", "authentication"
FEED = feed_of(DOMAIN, INCOMING)
NEWEST = Hour.from_key("2026-11-17-13:00", "Europe/Istanbul")
HOURS = [NEWEST.previous.previous, NEWEST.previous, NEWEST]
NOW = NEWEST.end + 1500.0
"""The hour has closed a quarter of an hour ago."""
FROM_NOON = ONE_FEED.replace("2026-11-01T00:00", "2026-11-17T11:00")
NAMES = [check.__name__ for check in OF_HOURS]


def detail_in(hour: Hour) -> object:
    """The detail of one mail of the hour."""
    return lambda request: request.kind == "detail" and f"Q{hour.start + 50}" in request.path


def whole_mail(time: int, queue_id: str = "", **fields: object) -> dict[str, object]:
    return mail(time, queue_id, **{"subject": "geheim", "sender": "ali@example.com", "size": 5, **fields})


def said(here: Project, name: str, feed: str = INCOMING) -> dg.AssetCheckEvaluation | None:
    """The newest verdict of a check that Dagster keeps."""
    key = dg.AssetCheckKey(dg.AssetKey(feed_of(DOMAIN, feed).asset_key), name)
    history = here.instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    return history[0].evaluation if history else None


def verdict(here: Project, name: str, feed: str = INCOMING) -> dg.AssetCheckEvaluation:
    found = said(here, name, feed)
    assert found, f"{name} was not evaluated"
    return found


def numbers(evaluation: dg.AssetCheckEvaluation) -> dict[str, object]:
    return {name: value.value for name, value in evaluation.metadata.items()}


def passed(here: Project, feed: str = INCOMING) -> dict[str, bool]:
    return {name: verdict(here, name, feed).passed for name in NAMES}


def rows(here: Project, result: dg.ExecuteInProcessResult) -> Counter[str]:
    events = here.instance.all_logs(result.run_id)
    return Counter(one.get_dagster_event().event_type_value if one.is_dagster_event else "LOG" for one in events)


ALL_PASS = dict.fromkeys(NAMES, True)


def judged(here: Project, hours: list[Hour]) -> dict[str, Verdict]:
    return dict(HourChecks(here.store, FEED, 24).judge(hours))
