"""The list of a day, from what is stored: the same whichever days were made before, and however often."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from mailevents_dagster.deliverability.suppression.manual import note_changes, read_changes
from mailevents_dagster.deliverability.suppression.part import SUPPRESSION
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster_tests.deliverability.outcomes import DOMAIN, Place, day_ago, place, told

LIFE = [
    told("hard", "gone@example.org", 5),
    told("delivered", "jo@example.org", 5),
    told("policy", "jo@example.org", 4),
    *(told("soft", "full@example.org", day) for day in (5, 4, 3, 2)),
    told("complained", "Anna@Example.ORG", 3),
    told("delivered", "anna@example.org", 2),
    told("hard", "back@example.org", 4),
    told("delivered", "BACK@example.org", 2),
    told("deferred", "slow@example.org", 3, mail="one"),
    told("delivered", "slow@example.org", 2, mail="one"),
    told("unsubscribed", "no@bücher.example", 1),
]


@pytest.fixture
def lived(tmp_path: Path) -> Place:
    made = place(tmp_path)
    made.commit(LIFE)
    return made


def suppressed(rows: pa.Table) -> dict[str, str]:
    return {one["address"]: one["what"] for one in rows.to_pylist() if one["is_suppressed"]}


def test_the_list_holds_who_must_not_be_mailed_and_nobody_else(lived: Place) -> None:
    made = lived.make(day_ago(1))
    assert suppressed(made.rows) == {
        "gone@example.org": "hard",
        "full@example.org": "soft",
        "Anna@Example.ORG": "complaint",
        "no@bücher.example": "unsubscribed",
    }
    assert made.numbers["suppressed"] == 4
    assert made.numbers["made_on"] == "nothing"
    assert made.rows.schema.names == [column.name for column in SUPPRESSION.columns]


@pytest.mark.slow
def test_a_day_is_the_same_whichever_days_were_made_before(lived: Place, tmp_path: Path) -> None:
    from_scratch = lived.make(day_ago(1)).rows
    other = place(tmp_path / "other")
    other.commit(LIFE)
    for day in (6, 5, 3):
        other.make(day_ago(day))
    made = other.make(day_ago(1))
    assert made.rows == from_scratch
    assert made.numbers["made_on"] == str(day_ago(3))
    assert other.make(day_ago(1)).rows == from_scratch


@pytest.mark.parametrize(
    ("bounced", "delivered"),
    [
        ("jo@bücher.example", "Jo@XN--BCHER-KVA.example"),
        ("jo@xn--bcher-kva.example", "jo@Bücher.example"),
        ('"jo"@example.org', "JO@example.org"),
        ("jo@example.org", '"jo"@Example.org.'),
        ("Ümit@example.org", "ümit@example.org"),
    ],
)
def test_an_address_is_known_again_however_it_is_written(tmp_path: Path, bounced: str, delivered: str) -> None:
    here = place(tmp_path)
    here.commit([told("hard", bounced, 2), told("delivered", delivered, 1)])
    assert len(here.make(day_ago(2)).rows) == 1
    assert not len(here.make(day_ago(1)).rows)


def test_what_names_nobody_is_no_entry(tmp_path: Path) -> None:
    here = place(tmp_path)
    complaints = [told("complained", f"{hour}@example.org", 1, hour) for hour in range(3)]
    nobody = [one | {"recipient": written} for one, written in zip(complaints, ("", None, "root"), strict=True)]
    here.commit([*nobody, told("delivered", "jo@example.org", 1)])
    assert not len(here.make(day_ago(1)).rows)


def test_numbers_and_text_name_nobody(lived: Place) -> None:
    made = lived.make(day_ago(1))
    told = f"{made.numbers} {made.said} {made.verdicts}"
    assert "@" not in told
    assert "example.org" not in told
    assert made.chart
    assert made.chart.startswith(b"\x89PNG")


def test_hours_that_are_not_stored_are_counted(lived: Place) -> None:
    made = lived.make(day_ago(1))
    assert made.numbers["complete"] is False
    assert "hours are not stored" in made.said


def test_a_retry_that_is_delivered_in_a_later_hour_is_no_bounce(tmp_path: Path) -> None:
    here = place(tmp_path)
    here.commit([told("hard", "a@example.org", 2, 9, mail="m"), told("delivered", "a@example.org", 2, 14, mail="m")])
    assert not len(here.make(day_ago(2)).rows)


@pytest.mark.slow
def test_a_jump_of_hard_bounces_does_not_pass(tmp_path: Path) -> None:
    here = place(tmp_path, days=20)
    here.commit(
        [told("hard", f"a{day}{number}@example.org", day) for day in range(2, 12) for number in range(3)]
        + [told("hard", f"b{number}@example.org", 1) for number in range(40)]
    )
    before, after = here.make(day_ago(2)), here.make(day_ago(1))
    assert before.verdicts["hard_bounces"].passed
    assert not after.verdicts["hard_bounces"].passed
    assert after.verdicts["hard_bounces"].numbers == {"hard_bounces": 40, "usual": 3, "days_compared": 10}


@pytest.mark.slow
def test_few_hard_bounces_are_no_jump(tmp_path: Path) -> None:
    here = place(tmp_path, days=20)
    here.commit([told("hard", f"a{day}@example.org", day) for day in range(2, 12)])
    here.commit([told("hard", f"b{number}@example.org", 1) for number in range(20)])
    assert here.make(day_ago(1)).verdicts["hard_bounces"].passed


def test_what_people_change_counts_from_then_on(lived: Place) -> None:
    at = told("x", "x", 2, 12)["time"] * 1000
    assert note_changes(lived.store, DOMAIN, ["Gone@example.org"], "remove", at, "they wrote to us") == 1
    assert note_changes(lived.store, DOMAIN, ["boss@example.org"], "add", at, "wants no mail") == 1
    assert "gone@example.org" in suppressed(lived.make(day_ago(3)).rows)
    after = suppressed(lived.make(day_ago(1)).rows)
    assert "gone@example.org" not in after
    assert after["boss@example.org"] == "manual"


def test_a_bounce_after_a_removal_counts(lived: Place) -> None:
    at = told("x", "x", 2, 12)["time"] * 1000
    note_changes(lived.store, DOMAIN, ["gone@example.org"], "remove", at, "they wrote to us")
    lived.commit([told("hard", "gone@example.org", 1, 15)])
    assert suppressed(lived.make(day_ago(1)).rows)["gone@example.org"] == "hard"


def test_a_damaged_file_of_changes_is_not_believed(lived: Place) -> None:
    layout = lived.store.layout
    note_changes(lived.store, DOMAIN, ["a@example.org"], "add", 1, "because")
    file = Path(str(layout.manual_suppressions(DOMAIN)))
    file.write_text(file.read_text().replace("a@example.org", "b@example.org"))
    with pytest.raises(DamagedError, match="checksum"):
        read_changes(layout, DOMAIN)
    with pytest.raises(DamagedError):
        lived.make(day_ago(1))


def test_changes_of_one_moment_stay_in_their_order(lived: Place) -> None:
    for action in ("add", "remove", "add"):
        note_changes(lived.store, DOMAIN, ["a@example.org"], action, 5, "because")  # type: ignore[arg-type]
    assert [one.at for one in read_changes(lived.store.layout, DOMAIN)] == [5, 6, 7]


@pytest.mark.slow
def test_a_list_that_cannot_be_read_is_passed_over_for_an_older_one(lived: Place) -> None:
    right = lived.make(day_ago(1)).rows
    for day in (4, 2):
        lived.make(day_ago(day))
    Path(str(lived.store.layout.part(DOMAIN, "suppression", str(day_ago(2))))).write_bytes(b"no Parquet")
    made = lived.make(day_ago(1))
    assert made.numbers["made_on"] == str(day_ago(4))
    assert made.rows == right
