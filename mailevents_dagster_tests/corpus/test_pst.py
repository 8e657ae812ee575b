"""Outlook files, counted beside readpst and taken into a store; damaged ones, too."""

from __future__ import annotations

import gzip
import os
import random
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from mailevents_dagster.files.json_text import parse
from mailevents_dagster.sources.mailbox.feeds import FEED_KINDS, messages_of
from mailevents_dagster.sources.mailbox.pst.importing import Imported, Target, import_mails
from mailevents_dagster.sources.mailbox.pst.library import File, PstError
from mailevents_dagster.sources.mailbox.pst.survey import Survey, surveyed
from mailevents_dagster.store.hour.snapshot_file import read_events
from mailevents_dagster.store.store import Store

pytestmark = [pytest.mark.corpus, pytest.mark.slow]

FEED = messages_of("fund@example.com")


@pytest.fixture(scope="session")
def outlook(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("outlook") / "sample.ost"
    with gzip.open(corpus / "pst" / "SampleOstFile.ost.gz") as packed, path.open("wb") as file:
        shutil.copyfileobj(packed, file)
    return path


def imported(path: Path, folder: Path) -> tuple[Survey, Imported, Store]:
    store = Store(str(folder), "Europe/Istanbul", "{domain}_{type}_%Y-%m-%d_%H.log", FEED_KINDS)
    with File(path) as file:
        survey = surveyed(file, time.time(), lambda _: None)
        done = import_mails(file, survey, Target(store, FEED, 0, bodies=True), lambda _: None)
    return survey, done, store


def test_every_item_is_counted_and_every_mail_is_imported_once(outlook: Path, tmp_path: Path) -> None:
    survey, done, store = imported(outlook, tmp_path)
    assert survey.classes["IPM.Note"] == 80
    assert survey.classes["IPM.Schedule.Meeting.Request"] == 6
    assert sum(count for name, count in survey.classes.items() if name.startswith("REPORT.")) == 1
    assert (done.added, done.unreadable, survey.unreadable) == (87, [], [])
    paths = sorted(store.layout.snapshots(FEED).glob("*/*.parquet"))
    kinds = Counter(parse(event.raw)["kind"] for path in paths for event in read_events(path))
    assert kinds == {"note": 80, "meeting": 6, "bounce": 1}


def test_folders_hold_as_many_items_as_readpst_finds(outlook: Path, tmp_path: Path) -> None:
    subprocess.run(["readpst", "-j", "0", "-D", "-e", "-q", "-o", tmp_path, outlook], check=True)
    theirs = Counter(path.parent.name for path in tmp_path.rglob("*") if path.suffix in {".eml", ".ics"})
    with File(outlook) as file:
        survey = surveyed(file, time.time(), lambda _: None)
    assert Counter({path.rpartition("/")[2]: count for path, count in survey.items.items()}) == theirs


def test_an_empty_file_has_nothing(corpus: Path, tmp_path: Path) -> None:
    survey, done, _ = imported(corpus / "pst" / "Empty.pst", tmp_path)
    assert (len(survey), done.added, survey.unreadable) == (0, 0, [])


@pytest.mark.parametrize("seed", range(10))
def test_a_damaged_file_ends_in_names_of_what_cannot_be_read(outlook: Path, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    content = bytearray(outlook.read_bytes())
    if seed % 2:
        del content[chance.randrange(len(content)) :]
    else:
        for _ in range(2000):
            content[chance.randrange(0x4400, len(content))] ^= 1 << chance.randrange(8)
    damaged = tmp_path / "damaged.ost"
    damaged.write_bytes(content)
    child = os.fork()  # should libpff itself die of it, only this test fails
    if not child:
        status = 1
        try:
            survey, done, _ = imported(damaged, tmp_path / "store")
            status = 0 if done.added + len(done.unreadable) >= len(survey) else 2
        except PstError:
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
