"""Code server, daemon, web interface and runs in containers of their own collect what one process would."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import boto3
import pytest

from mailevents_dagster.sources.uzmanposta.simulator import Behaviour
from mailevents_dagster_tests.containers import Together, together
from mailevents_dagster_tests.moto_server import MotoServer
from mailevents_dagster_tests.projects import busy_hours

pytestmark = [pytest.mark.programs, pytest.mark.slow]

VOLUME, BUCKET = "/var/lib/mailevents/data", "s3://mails/of/all"
HOURS = busy_hours()


@pytest.fixture(scope="module", params=[VOLUME, BUCKET], ids=["volume", "bucket"])
def all_of_it(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Together]:
    """With a bucket, runs share it and PostgreSQL and nothing else: no folder, no lock of a file."""
    s3 = MotoServer()
    keys = {
        "AWS_ACCESS_KEY_ID": "of-a-test",
        "AWS_SECRET_ACCESS_KEY": "of-a-test",
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{s3.port}",
        "AWS_ALLOW_HTTP": "true",
    }
    folder, behaviour = tmp_path_factory.mktemp("together"), Behaviour(events_per_hour=60)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in keys.items():  # for the test itself, which reads what is stored
            patch.setenv(name, value)
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="mails")
        try:
            with together(folder, request.param, keys, behaviour, {"poll_interval_seconds": 1}) as started:
                yield started
        finally:
            s3.kill()


def test_a_run_whose_container_is_lost_is_found_and_its_hours_are_collected_again(all_of_it: Together) -> None:
    api = all_of_it.api
    api.behaviour = replace(api.behaviour, latency_seconds=1.0)
    lost = all_of_it.backfill(HOURS)
    all_of_it.until(lambda: api.calls.count("detail"))  # so that a run is in the middle of an hour
    for container in all_of_it.containers_of_runs:
        if container.status == "running":
            all_of_it.engine.lose(container)
    api.behaviour = replace(api.behaviour, latency_seconds=0.0)
    assert all_of_it.wait_for(lost) == "COMPLETED_FAILED"
    assert "FAILURE" in all_of_it.runs.values()
    assert all_of_it.wait_for(all_of_it.backfill(HOURS)) == "COMPLETED_SUCCESS", all_of_it.engine.printed()
    assert all_of_it.differing(HOURS) == []


def test_each_run_has_a_container_of_its_own(all_of_it: Together) -> None:
    hours = [HOURS[0].previous]
    assert all_of_it.wait_for(all_of_it.backfill(hours)) == "COMPLETED_SUCCESS", all_of_it.engine.printed()
    assert all_of_it.differing(hours) == []
    assert len(all_of_it.containers_of_runs) == len(all_of_it.runs)
