"""`mailevents verify` as a process, on a store that a collection left."""

from __future__ import annotations

import json
from pathlib import Path

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.uzmanposta.simulator import FixedMail
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.cli.verify.collected import Verify, collect, written
from mailevents_dagster_tests.conftest import AUTHENTICATION, DOMAIN, INCOMING, mail


def columns(table: str) -> tuple[str, str]:
    """What is wrong and what to do, without the spaces and lines at which long paths make them break."""
    lines = [line for line in table.splitlines() if line.startswith(" ")]
    [wrong] = [line.index("what is wrong") for line in lines if "what is wrong" in line]
    [to_do] = [line.index("what to do") for line in lines if "what to do" in line]
    cells = [(line[wrong:to_do], line[to_do:]) for line in lines]
    return "".join("".join(cell for cell, _ in cells).split()), "".join("".join(cell for _, cell in cells).split())


def test_a_whole_store_ends_with_zero_and_says_how_much_it_is(
    verify: Verify, store: Store, settings: Settings, fixed: FixedMail, newest: Hour
) -> None:
    fixed.add(DOMAIN, INCOMING.name, [mail(newest.start + 5), mail(newest.start + 6)])
    collect(settings, store, INCOMING, newest.previous, newest)

    done = verify()
    found = json.loads(verify("--json").stdout)

    assert done.returncode == 0, done.stderr
    assert "2 hours with 2 events" in done.stdout
    assert "all is as it was committed" in done.stdout
    assert (found["hours"], found["events"], found["damage"], found["findings"]) == (2, 2, 0, [])
    assert found["log_bytes"] == len(store.layout.log(INCOMING, newest).read_bytes())


def test_damage_ends_with_one_and_names_file_and_remedy(
    verify: Verify, store: Store, settings: Settings, fixed: FixedMail, newest: Hour
) -> None:
    fixed.add(DOMAIN, INCOMING.name, [mail(newest.start + 5)])
    collect(settings, store, INCOMING, newest)
    log = Path(str(store.layout.log(INCOMING, newest)))
    log.write_bytes(log.read_bytes()[:-3])

    done = verify()
    found = json.loads(verify("--json").stdout)

    assert done.returncode == 1
    wrong, to_do = columns(done.stdout)
    assert log.name in wrong
    assert "Materializethehouragain" in to_do
    assert "1 damage" in done.stdout
    [finding] = found["findings"]
    assert (finding["feed"], finding["hour"], finding["severity"]) == (str(INCOMING), newest.key, "damage")


def test_only_the_chosen_feeds_and_hours_are_looked_at(
    verify: Verify, store: Store, settings: Settings, newest: Hour
) -> None:
    collect(settings, store, INCOMING, newest.previous, newest)
    collect(settings, store, AUTHENTICATION, newest)
    Path(str(store.layout.log(INCOMING, newest))).unlink()

    assert verify("--feed", "* authentication").returncode == 0
    assert verify("--to", written(newest)).returncode == 0
    assert verify("--from", written(newest)).returncode == 1
    assert json.loads(verify("--from", written(newest), "--json").stdout)["hours"] == 2


def test_where_nothing_is_stored_there_is_nothing_to_verify(verify: Verify, newest: Hour) -> None:
    assert verify().returncode == 3
    assert verify("--json", "--against-api").returncode == 3
    wrong = verify("--from", written(newest), "--to", written(newest))
    assert (wrong.returncode, "--from is not before --to" in wrong.stderr) == (2, True)


def test_many_notes_are_summed_up(verify: Verify, store: Store, settings: Settings, newest: Hour) -> None:
    collect(settings, store, INCOMING, newest)
    for number in range(1, 31):
        Path(str(store.layout.log(INCOMING, Hour(newest.start - number * 3600, "UTC")))).write_bytes(b"")

    done = verify()

    assert done.returncode == 0
    assert "30 notes: 30 log alone" in done.stdout
    assert ".log " not in done.stdout
    assert len(json.loads(verify("--json").stdout)["findings"]) == 30
