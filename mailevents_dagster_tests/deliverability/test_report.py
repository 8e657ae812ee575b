"""A domain's answers in the report of a day: in both languages, with pictures, and without anybody's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailevents_dagster.deliverability.parts import PARTS
from mailevents_dagster.deliverability.proof.part import PROOF
from mailevents_dagster.deliverability.report import blocks, sections
from mailevents_dagster.deliverability.warmup.part import WARMUP
from mailevents_dagster.deliverability.wording import WORDINGS
from mailevents_dagster.deliveries.mail.composing import composed
from mailevents_dagster.deliveries.mail.letter import Letter
from mailevents_dagster.model.outcome import Became
from mailevents_dagster.store.opening import store_of
from mailevents_dagster.summaries.wording import LANGUAGES, Language
from mailevents_dagster_tests.deliverability.told import DAY, DOMAIN, NOON, keep, make, said, settings_in


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_answer_of_the_day_has_its_picture_its_checks_and_its_numbers(tmp_path: Path, language: Language) -> None:
    settings = settings_in(tmp_path, warmup={"begun": "2026-11-20T00:00", "plan": [1]})
    keep(settings, *(said(NOON.start + n, Became.DELIVERED, mail=f"m{n}") for n in range(3)))
    for part in (WARMUP, PROOF):
        make(part, settings)
    text = "\n".join(sections(store_of(settings).layout, [DOMAIN, "none.example"], DAY, language))
    assert text.count("<h2>") == 1
    assert text.count('src="data:image/png;base64,') == 2
    assert WORDINGS["within_plan"][language] in text
    assert WORDINGS["wrong"][language] in text
    assert "r@dest.example" not in text


def test_everything_that_an_answer_can_say_has_words_in_both_languages() -> None:
    names = {part.name for part in PARTS} | {check for part in PARTS for check in part.checks}
    assert names <= WORDINGS.keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_report_by_mail_names_what_is_not_in_order(tmp_path: Path, language: Language) -> None:
    settings = settings_in(tmp_path, warmup={"begun": "2026-11-20T00:00", "plan": [1]})
    keep(settings, *(said(NOON.start + n, Became.DELIVERED, mail=f"m{n}") for n in range(3)))
    make(WARMUP, settings)
    letter = Letter("Day", list(blocks(store_of(settings).layout, [DOMAIN], DAY, language)), language)
    mail = composed(letter, sender="reports@example.com", to=("ops@example.com",), now=NOON.end)
    body = mail.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert WORDINGS["within_plan"][language] in text
    assert "more mails than the plan allows" in text
