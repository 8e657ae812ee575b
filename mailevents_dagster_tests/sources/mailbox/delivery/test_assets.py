"""The feed of deliveries as Dagster has it."""

from __future__ import annotations

import dagster as dg
import pytest

from mailevents_dagster.build import build_defs
from mailevents_dagster.orchestration.runs_in_flight import COLLECT_JOB
from mailevents_dagster_tests.homes import in_files
from mailevents_dagster_tests.sources.mailbox.delivery.delivered_mailbox import DELIVERED, DeliveredMailbox
from mailevents_dagster_tests.sources.mailbox.delivery.mails import delivered
from mailevents_dagster_tests.sources.mailbox.graph_mailbox import FEED, NOON, mail

pytestmark = pytest.mark.slow


def test_a_run_of_an_hour_collects_its_mails_and_then_delivers_them(mailbox: DeliveredMailbox) -> None:
    mailbox.put(mail(1), mail(2))
    defs = build_defs(mailbox.settings)
    job = defs.resolve_job_def(COLLECT_JOB)
    messages, handed = (dg.AssetKey(feed.asset_key) for feed in (FEED, DELIVERED))
    assert defs.resolve_asset_graph().get(handed).parent_keys == {messages}
    with in_files() as instance:
        done = job.execute_in_process(instance=instance, partition_key=NOON.key, asset_selection=[messages, handed])
        assert done.success
        (shown,) = done.asset_materializations_for_node("mailbox__fund_example_com__sftp")
    assert shown.metadata["delivered"].value == 2
    assert list(delivered(mailbox.server.folder / "in").values()) == [[mail(1).id, mail(2).id]]
    assert "minsu.kim" not in str(shown.metadata)
