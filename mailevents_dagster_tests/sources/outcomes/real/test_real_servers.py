"""Exim and Postfix send to a server that answers in every way; what is collected of their logs is what it answered."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from click.testing import CliRunner

from mailevents_dagster.cli.trace import trace
from mailevents_dagster.deliverability.proof.part import PROOF
from mailevents_dagster.deliverability.queues.part import QUEUES
from mailevents_dagster.sources.outcomes.notices.notice import NoticeKind
from mailevents_dagster.sources.outcomes.notices.reading import notices_of
from mailevents_dagster_tests.deliverability.told import make
from mailevents_dagster_tests.sources.outcomes.real.cases import CLOSED, GREYLISTED, LATE, MAILS, NO_ANSWER, SAYS
from mailevents_dagster_tests.sources.outcomes.real.exim import Exim
from mailevents_dagster_tests.sources.outcomes.real.life import Life, lived
from mailevents_dagster_tests.sources.outcomes.real.postfix import Postfix
from mailevents_dagster_tests.sources.outcomes.real.programs import SENDER
from mailevents_dagster_tests.sources.outcomes.real.receiving import Attempt

pytestmark = pytest.mark.programs

OF_RECIPIENT = {recipient: mail for mail in (*MAILS, LATE) for recipient in mail.recipients}
OF_RECIPIENT["forwarded@dest.example"] = OF_RECIPIENT.pop("friend@example.com")
POSTFIX_SAYS = {"550 No such user here": "5.0.0", NO_ANSWER: "4.4.2"}
"""What Postfix adds to answers without an enhanced code."""
NEVER = "never@dest.example"
GIVEN_UP = (NEVER, CLOSED)
"""They were tried until the sending server lost its patience."""


@pytest.fixture(scope="module", params=[Exim, Postfix], ids=["exim", "postfix"])
def life(request: pytest.FixtureRequest) -> Iterator[Life]:
    """Lie where the users that mail servers run as may enter; folders of pytest are for their owner alone."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield lived(request.param, Path(folder))


def expected(attempt: Attempt, life: Life) -> dict[str, Any]:
    """Return what the outcome of an attempt must say. Exim does not log TLS of deferrals, and Postfix 3.7 none."""
    is_exim, outcome = life.format == "exim", attempt.outcome
    said = next(says for begins, says in SAYS.items() if attempt.text.startswith(begins))
    class_, reason = (None, None) if outcome == "delivered" else said
    return {
        "outcome": outcome,
        "class": class_,
        "reason": reason,
        "code": attempt.code,
        "enhanced_code": attempt.enhanced_code or (None if is_exim else POSTFIX_SAYS[attempt.text]),
        "tls": attempt.is_encrypted if is_exim and outcome != "deferred" else None,
        "relay_ip": "127.0.0.1",
        "sender": SENDER,
        "message_id": OF_RECIPIENT[attempt.recipient].message_id,
        "server": "mx1.example.com",
    }


def test_each_attempt_that_the_receiving_server_wrote_down_is_one_outcome_and_nothing_else_is(life: Life) -> None:
    assert life.answered.keys() == OF_RECIPIENT.keys() - {CLOSED}
    for recipient, attempts in life.answered.items():
        wanted = [expected(one, life) for one in attempts]
        found = life.rows_of(recipient)[: len(attempts)]
        assert [{name: row[name] for name in wanted[0]} for row in found] == wanted, recipient
        assert all(one.text.rpartition("\n")[2] in row["text"] for one, row in zip(attempts, found, strict=True))
    others = Counter(row["recipient"] for row in life.rows) - Counter(one.recipient for one in life.attempts)
    assert others.keys() == set(GIVEN_UP)
    assert others[NEVER] == 1


def test_a_mail_that_was_given_up_bounced_for_whom_it_waited_and_nobody_answered_that(life: Life) -> None:
    for recipient in GIVEN_UP:
        *tries, last = life.rows_of(recipient)
        assert {row["outcome"] for row in tries} == {"deferred"}
        assert (last["outcome"], last["class"], last["code"]) == ("bounced", "soft", None)
        assert last["message_id"] == OF_RECIPIENT[recipient].message_id
    assert {(row["code"], row["tls"], row["relay_ip"]) for row in life.rows_of(CLOSED)} == {(None, None, None)}


def test_what_waited_and_for_how_long_is_as_the_receiving_server_knows(life: Life) -> None:
    rows = {row["receiver"]: row for row in make(QUEUES, life.settings, life.day).rows.to_pylist()}
    put_off = {to: [one.text for one in tries] for to, tries in life.answered.items() if tries[0].outcome == "deferred"}
    for receiver in ("dest.example", "plain.example"):
        here = {to: texts for to, texts in put_off.items() if to.endswith(f"@{receiver}")}
        assert _numbers(rows.pop(receiver)) == {
            "deferred": len(here),
            "greylisted": sum(texts[0] == GREYLISTED.text for texts in here.values()),
            "throttled": sum(texts[0].startswith("421") for texts in here.values()),
            "delivered": sum(texts[-1].startswith("2") for texts in here.values()),
            "waiting": sum(to in LATE.recipients for to in here),
        }
    assert _numbers(rows.pop("closed.example")) == {
        **dict.fromkeys(("greylisted", "throttled", "delivered", "waiting"), 0),
        "deferred": 1,
    }
    assert not rows


def _numbers(row: Mapping[str, Any]) -> dict[str, int]:
    return {name: row[name] for name in ("deferred", "greylisted", "throttled", "delivered", "waiting")}


def test_the_last_word_on_each_mail_and_recipient_is_that_of_the_receiving_server(life: Life) -> None:
    rows = {row["recipient"]: row for row in make(PROOF, life.settings, life.day).rows.to_pylist()}
    assert rows.keys() == OF_RECIPIENT.keys()
    for recipient, attempts in life.answered.items():
        last, row = attempts[-1], rows[recipient]
        state = {"delivered": "proven", "bounced": "failed"}.get(last.outcome, "waiting")
        assert row["state"] == ("failed" if recipient in GIVEN_UP else state), recipient
        assert row["attempts"] == len(attempts) + (recipient in GIVEN_UP)
        assert row["code"] == (None if recipient in GIVEN_UP else last.code)
    assert rows[CLOSED]["state"] == "failed"


@pytest.mark.parametrize("name", ["several", "never", "forwarded"])
def test_the_story_of_a_mail_is_what_happened_to_it(life: Life, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mail = next(one for one in MAILS if one.name.startswith(name))
    monkeypatch.setenv("MAILEVENTS_CONFIG", str(life.settings.source))
    ended = CliRunner().invoke(trace, [f"<{mail.message_id}>", "--json"])
    assert ended.exit_code == 0, ended.output
    (story,) = json.loads(ended.stdout)
    people = [to for to, its in OF_RECIPIENT.items() if its == mail]
    told = {
        one["address"]: [(step["said"]["outcome"], step["said"].get("code")) for step in one["steps"]]
        for one in story["recipients"]
    }
    words = {to: [(one.outcome, one.code) for one in life.answered[to]] for to in people}
    assert told == {to: said + [("bounced", None)] * (to in GIVEN_UP) for to, said in words.items()}
    assert (story["message_id"], story["sender"]) == (mail.message_id, SENDER)
    (queue_id,) = story["queue_ids"]
    assert all(queue_id in record["raw"] for record in story["records"] if "/bounces" not in record["feed"])
    assert any(f"<{people[0]}>" in record["raw"] or people[0] in record["raw"] for record in story["records"])


def test_the_bounce_messages_that_came_back_say_the_same(life: Life) -> None:
    told = [notice for report in life.reports for notice in notices_of([report])]
    assert {notice.kind for notice in told} == {NoticeKind.BOUNCE}
    bounced = {to: tries[-1] for to, tries in life.answered.items() if tries[-1].outcome == "bounced" or to in GIVEN_UP}
    assert Counter(notice.recipient for notice in told) == Counter([*bounced, CLOSED])
    for notice in told:
        assert notice.original.message_id == OF_RECIPIENT[notice.recipient or ""].message_id
        if answer := bounced.get(notice.recipient or ""):
            assert (notice.code, notice.bounce_class) == (answer.code, expected(answer, life)["class"])
