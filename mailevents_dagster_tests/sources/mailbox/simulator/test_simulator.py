"""The simulated Graph: the same mail each time, in all the forms that real ones have, and Graph's own refusals."""

from __future__ import annotations

from collections import Counter
from email import message_from_bytes
from typing import Any

import pytest
import requests

from mailevents_dagster.sources.mailbox.simulator import Behaviour, Simulator, embedded, raw_message
from mailevents_dagster.sources.mailbox.simulator.mails import mails_of_hour
from mailevents_dagster.sources.mailbox.simulator.raw import FORMS
from mailevents_dagster_tests.sources.mailbox.graph_mailbox import ADDRESS, NOON, NOW, mail

WINDOW = "receivedDateTime ge 2026-11-20T00:00:00Z and receivedDateTime lt 2026-11-21T00:00:00Z"
DAY = NOON.start // 86_400 * 86_400


def token(simulator: Simulator, secret: str = "simulator") -> str:
    form = {
        "grant_type": "client_credentials",
        "client_id": "1",
        "client_secret": secret,
        "scope": "https://graph.microsoft.com/.default",
    }
    answer = requests.post(f"{simulator.url}/tenant/oauth2/v2.0/token", data=form, timeout=10)
    return str(answer.json().get("access_token", ""))


def get(simulator: Simulator, path: str, *, bearer: str | None = None, immutable: bool = True) -> requests.Response:
    headers = {"Authorization": f"Bearer {token(simulator) if bearer is None else bearer}"}
    if immutable:
        headers["Prefer"] = 'IdType="ImmutableId"'
    return requests.get(f"{simulator.base_url}/users/{ADDRESS}/{path}", headers=headers, timeout=10)


def code(answer: requests.Response) -> str:
    return str(answer.json()["error"]["code"])


def test_the_same_hour_has_the_same_mails_wherever_it_is_made() -> None:
    made = [mails_of_hour.__wrapped__(ADDRESS, NOON.start, 20) for _ in range(2)]
    assert made[0] == made[1]
    assert [raw_message(one) for one in made[0]] == [raw_message(one) for one in made[1]]
    assert mails_of_hour(ADDRESS, NOON.start, 20) != mails_of_hour("other@example.com", NOON.start, 20)


def test_a_few_days_have_mails_of_every_form_and_every_fate() -> None:
    mails = [one for hour in range(72) for one in mails_of_hour(ADDRESS, DAY + hour * 3600, 20)]
    assert {one.form for one in mails} == set(FORMS)
    assert {one.folder for one in mails} >= {"Inbox", "Sent Items", "Drafts"}
    assert all(
        any(getattr(one, fate) for one in mails) for fate in ("visible_from", "moved_at", "deleted_at", "refused")
    )
    assert len({one.id for one in mails}) == len(mails)


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_a_message_that_others_read(form: str) -> None:
    message = message_from_bytes(raw_message(mail(10, form=form)))
    assert not any(part.defects for part in message.walk())
    assert message["Message-ID"] == mail(10).message_id


def test_pages_hold_every_mail_once(simulator: Simulator) -> None:
    simulator.mailbox(ADDRESS).add(*(mail(after) for after in range(25)))
    bearer, ids, path = token(simulator), list[str](), "messages?$top=10&$select=id&$count=true"
    while path:
        page: Any = get(simulator, path, bearer=bearer).json()
        assert set(page["value"][0]) <= {"id", "@odata.etag"}
        ids += [row["id"] for row in page["value"]]
        path = page.get("@odata.nextLink", "").partition(f"{ADDRESS}/")[2]
    assert Counter(ids) == Counter(mail(after).id for after in range(25))


def test_ids_that_are_not_immutable_change_when_a_mail_is_moved(simulator: Simulator) -> None:
    simulator.mailbox(ADDRESS).add(mail(10))

    def id_of(*, immutable: bool) -> str:
        return str(get(simulator, "messages", immutable=immutable).json()["value"][0]["id"])

    before = id_of(immutable=False), id_of(immutable=True)
    simulator.mailbox(ADDRESS).move(mail(10).id, "Archive/2026")
    assert id_of(immutable=False) != before[0]
    assert id_of(immutable=True) == before[1]


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("messages?$filter=nonsense", 400, "ErrorInvalidUrlQueryFilter"),
        (
            f"messages?$filter={WINDOW}&$orderby=sentDateTime",
            400,
            "InefficientFilter",
        ),
        ("messages?$top=1001", 400, "ErrorInvalidUrlQuery"),
        ("messages/nothing", 404, "ErrorItemNotFound"),
        ("mailFolders/nothing", 404, "ErrorItemNotFound"),
        ("nonsense", 400, "BadRequest"),
    ],
)
def test_what_graph_refuses_is_refused(simulator: Simulator, path: str, status: int, said: str) -> None:
    answer = get(simulator, path)
    assert (answer.status_code, code(answer)) == (status, said)


def test_tokens_are_wanted_and_end(simulator: Simulator) -> None:
    assert code(get(simulator, "messages", bearer="")) == "InvalidAuthenticationToken"
    assert token(simulator, secret="wrong") == ""
    bearer = token(simulator)
    assert get(simulator, "messages", bearer=bearer).status_code == 200
    simulator.authority.take_back()
    assert get(simulator, "messages", bearer=bearer).status_code == 401


def test_hidden_folders_are_shown_to_those_who_ask_for_them(simulator: Simulator) -> None:
    names = [
        {row["displayName"] for row in get(simulator, f"mailFolders?$top=50{more}").json()["value"]}
        for more in ("", "&includeHiddenFolders=true")
    ]
    assert names[1] - names[0] == {"Conversation History"}


def test_the_truth_holds_what_is_there_now() -> None:
    times = [NOW]
    with Simulator(Behaviour(mails_per_hour=30), now=lambda: times[0]) as simulator:
        box = simulator.mailbox(ADDRESS)
        late = next(
            one
            for hour in range(400)
            for one in mails_of_hour(ADDRESS, box._since + hour * 3600, 30)
            if one.visible_from > one.received and one.folder == "Inbox" and one.moved_at is None
        )
        times[0] = late.visible_from - 1
        assert late.id not in {placed.mail.id for placed in box.truth(late.received, late.received + 1)}
        times[0] = late.visible_from
        assert late.id in {placed.mail.id for placed in box.truth(late.received, late.received + 1)}


def test_a_process_has_one_embedded_simulator() -> None:
    assert embedded() == embedded()
