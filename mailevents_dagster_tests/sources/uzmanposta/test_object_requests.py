"""What an hour of the API costs in requests of the object store that it is kept on."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailevents_dagster.sources.uzmanposta import collect as collect_module
from mailevents_dagster.sources.uzmanposta.simulator import FixedMail, Simulator
from mailevents_dagster_tests.collecting.planned import hour_of
from mailevents_dagster_tests.conftest import START, MakeApi, mail
from mailevents_dagster_tests.object_server import ObjectServer
from mailevents_dagster_tests.sources.uzmanposta.fixed_hours import Clock, Collector
from mailevents_dagster_tests.store.kept import unguarded


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize(("before", "requests"), [(START + 3000, 6), (START + 3599, 7)], ids=["apart", "at the seam"])
def test_the_hour_beside_is_read_only_where_a_row_of_it_is_shown(
    before: int,
    requests: int,
    bucket: str,
    s3: ObjectServer,
    tmp_path: Path,
    simulator: Simulator,
    fixed: FixedMail,
    make_api: MakeApi,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(collect_module, "time", Clock())
    here = Collector(unguarded(bucket, scratch=tmp_path), simulator, fixed, make_api(simulator.base_url))
    here.add(mail(before), mail(START + 3600), mail(START + 4000))
    here.collect()
    s3.forget()
    here.store = unguarded(bucket, scratch=tmp_path)  # as a process finds it that begins
    assert here.collect(hour=hour_of(1)).added == 2
    assert len(s3.requests) == requests
