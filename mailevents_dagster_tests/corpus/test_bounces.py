"""Bounce messages, complaints and auto-replies of many mail servers.

`bounces.txt` says what each tells, as somebody read it who looked at all of them: file, kind, recipient, class, code,
enhanced code; a line for each recipient. Where an alias led to another address, the recipient is whom the mail was sent
to.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from mailevents_dagster.sources.outcomes.notices.notice import NoticeKind
from mailevents_dagster.sources.outcomes.notices.reading import notices_of

pytestmark = pytest.mark.corpus

TRUTH: Final = (Path(__file__).parent / "bounces.txt").read_text("utf-8").splitlines()


def test_each_message_tells_what_a_reader_saw_in_it(corpus: Path) -> None:
    told = []
    for file in sorted((corpus / "bounces").glob("*.eml")):
        for one in notices_of([file.read_bytes()]):
            values = (one.kind, one.recipient, one.bounce_class, one.code, one.enhanced_code)
            told.append(" ".join([file.stem, *(str(value or "-") for value in values)]))
    assert told == TRUTH


def test_what_is_no_bounce_is_not_taken_for_one(corpus: Path) -> None:
    others = [file for file in (corpus / "mime").iterdir() if file.stem != "delivery-status"]
    assert others
    kinds = {file.name: {one.kind for one in notices_of([file.read_bytes()])} for file in others}
    failures = {NoticeKind.BOUNCE, NoticeKind.DEFERRAL}
    assert not [name for name, found in kinds.items() if found & failures]


def test_a_message_that_is_cut_anywhere_is_read(corpus: Path) -> None:
    for file in sorted((corpus / "bounces").glob("*.eml"))[::7]:
        whole = file.read_bytes()
        for end in range(0, len(whole), max(1, len(whole) // 40)):
            assert notices_of([whole[:end]]), f"{file.name} cut at {end}"
