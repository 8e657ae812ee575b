"""The simulator, asked over HTTP: its mail, its contract, its faults, and its account of the truth."""

from __future__ import annotations

import json
import multiprocessing
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
import requests

from mailevents_dagster.feeds import FEED_KINDS
from mailevents_dagster.sources.uzmanposta.simulator import Answer, Behaviour, FixedMail, Simulator, embedded
from mailevents_dagster.sources.uzmanposta.simulator.mail import GeneratedMail
from mailevents_dagster.sources.uzmanposta.simulator.records import is_queued

DOMAIN = "example.com"
HOUR = 1_795_156_800 - 1_795_156_800 % 3600 + 6 * 3600
NOW = HOUR + 2 * 3600
INCOMING = "mail/incominglog"


class Client:
    """Calls one simulator with one key over one connection."""

    def __init__(self, simulator: Simulator, key: str = "key") -> None:
        self.url = simulator.base_url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {key}"

    def get(self, path: str, **params: object) -> requests.Response:
        return self.session.get(self.url + path, params={name: str(value) for name, value in params.items()}, timeout=5)

    def listing(self, feed_name: str, start: int, end: int, domain: str = DOMAIN) -> requests.Response:
        kind = FEED_KINDS[feed_name]
        params = {} if kind.category == "authentication" else {"type": kind.type}
        return self.get(kind.endpoint, starttime=start, endtime=end, domain=domain, **params)

    def detail(self, queue_id: str, time: int) -> requests.Response:
        return self.get(f"/logs/mail/{quote(queue_id, safe='')}", time=time)


def mail(time: int, queue_id: str = "", **fields: object) -> dict[str, object]:
    recipient = {"time": time, "mailto": "a@example.com"}
    return {"queue_id": queue_id or f"Q{time}", "recipients": [recipient], "time": time, **fields}


def times(answer: requests.Response) -> list[int]:
    return [row["recipients"][0]["time"] for row in answer.json()]


@pytest.fixture
def simulator(fixed: FixedMail) -> Iterator[Simulator]:
    with Simulator(source=fixed, now=lambda: NOW) as running:
        yield running


@pytest.fixture
def client(simulator: Simulator) -> Iterator[Client]:
    made = Client(simulator)
    yield made
    made.session.close()


@pytest.fixture
def generated() -> Iterator[Simulator]:
    with Simulator(Behaviour(seed=7, events_per_hour=300), domains=[DOMAIN], now=lambda: NOW) as running:
        yield running


# --- generated mail


def test_the_same_seed_gives_the_same_mail_in_another_process() -> None:
    program = (
        "import json; from mailevents_dagster.sources.uzmanposta.simulator import GeneratedMail; "
        f"source = GeneratedMail(7, 300); "
        f"print(json.dumps([source.rows({DOMAIN!r}, name, {HOUR}, {HOUR + 3599}) for name in {list(FEED_KINDS)!r}]))"
    )
    environment = {"PYTHONHASHSEED": "12345", "PYTHONPATH": str(Path(__file__).parents[3])}
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, env=environment).stdout
    here = GeneratedMail(7, 300)
    assert json.loads(printed) == [here.rows(DOMAIN, name, HOUR, HOUR + 3599) for name in FEED_KINDS]


def test_another_seed_or_domain_gives_other_mail() -> None:
    rows = GeneratedMail(7, 300).rows(DOMAIN, INCOMING, HOUR, HOUR + 3599)
    assert rows != GeneratedMail(8, 300).rows(DOMAIN, INCOMING, HOUR, HOUR + 3599)
    assert rows != GeneratedMail(7, 300).rows("example.org", INCOMING, HOUR, HOUR + 3599)


def test_the_mail_of_an_hour_does_not_depend_on_how_it_is_asked_for() -> None:
    whole = GeneratedMail(7, 300).rows(DOMAIN, INCOMING, HOUR - 3600, HOUR + 7199)
    source = GeneratedMail(7, 300)
    parts = [source.rows(DOMAIN, INCOMING, second, second + 599) for second in range(HOUR - 3600, HOUR + 7200, 600)]
    assert [row for part in parts for row in part] == whole


def test_a_fresh_simulator_answers_a_detail_whose_listing_it_never_saw(generated: Simulator) -> None:
    row = next(row for row in Client(generated).listing(INCOMING, HOUR, HOUR + 3600).json() if is_queued(row))
    with Simulator(Behaviour(seed=7, events_per_hour=300), domains=[DOMAIN], now=lambda: NOW) as fresh:
        answer = Client(fresh).detail(row["queue_id"], row["recipients"][0]["time"])
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in row} == row
    assert set(answer.json()) - set(row) == {"logs", "transactions", "filters", "emails"}
    assert 2000 < len(answer.content) < 8000


def test_a_detail_asked_for_with_another_time_is_404(generated: Simulator) -> None:
    row = next(row for row in Client(generated).listing(INCOMING, HOUR, HOUR + 3600).json() if is_queued(row))
    time = row["recipients"][0]["time"]
    for wrong in (time - 1, time + 1, time + 3600, 0):
        assert Client(generated).detail(row["queue_id"], wrong).status_code == 404
    for unknown in ("nonsense", row["queue_id"] + "ZZZ", row["queue_id"].lower(), "0"):
        assert Client(generated).detail(unknown, time).status_code == 404


def test_generated_mail_has_the_variety_of_real_mail() -> None:
    source = GeneratedMail(7, 2000)
    rows = source.rows(DOMAIN, INCOMING, HOUR, HOUR + 3599)
    recipients = [recipient for row in rows for recipient in row.get("recipients", [])]
    assert {recipient["status"] for recipient in recipients} >= {"delivered", "deferred", "bounced", "rejected"}
    assert {recipient["status_code"] for recipient in recipients} >= {"2.0.0", "4.2.2", "5.1.1", "5.7.1"}
    assert {len(row["recipients"]) for row in rows if "recipients" in row} == {0, 1, 2, 3, 4, 5}
    assert any("queue_id" not in row and row.get("recipients") for row in rows)
    assert any("queue_id" not in row and "recipients" not in row for row in rows)
    assert set("İışğçöü") <= set("".join(row["subject"] for row in rows))
    assert max(Counter(row["time"] for row in rows).values()) > 2
    sign_ins = Counter(json.dumps(row) for row in source.rows(DOMAIN, "authentication", HOUR, HOUR + 3599))
    assert max(sign_ins.values()) > 1


def test_days_are_livelier_than_nights_and_a_week_has_the_mean() -> None:
    source = GeneratedMail(7, 100)
    monday = HOUR - (HOUR // 86_400 + 3) % 7 * 86_400 - HOUR % 86_400
    counts = [
        len(source.rows(DOMAIN, INCOMING, monday + hour * 3600, monday + hour * 3600 + 3599)) for hour in range(168)
    ]
    assert counts[8] > 5 * counts[1]
    assert sum(counts) / 168 == pytest.approx(100, rel=0.05)


def test_generated_addresses_are_reserved_ones() -> None:
    source = GeneratedMail(7, 2000)
    details = [source.detail(row["queue_id"], row["recipients"][0]["time"]) or {} for row in _queued(source)]
    words = " ".join(json.dumps(detail) for detail in details).replace("<", " ").replace(">", " ").replace('"', " ")
    hosts = {word.rpartition("@")[2].rstrip(",") for word in words.split() if "@" in word}
    assert hosts
    assert {host.rpartition(".")[2] for host in hosts if not host.startswith("example.")} <= {"example", "invalid"}
    addresses = {detail["srcip"] for detail in details}
    assert all(ip.startswith(("192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:")) for ip in addresses)


def _queued(source: GeneratedMail) -> list[dict[str, object]]:
    return [row for row in source.rows(DOMAIN, INCOMING, HOUR, HOUR + 3599) if is_queued(row)]


def test_the_truth_is_what_listing_and_asking_for_every_detail_gives(generated: Simulator) -> None:
    client = Client(generated)
    for name in FEED_KINDS:
        listed = client.listing(name, HOUR, HOUR + 3599).json()[::-1]
        if FEED_KINDS[name].has_details:
            listed = [
                client.detail(row["queue_id"], row["recipients"][0]["time"]).json() if is_queued(row) else row
                for row in listed
            ]
        assert listed
        assert generated.truth(DOMAIN, name, HOUR, HOUR + 3600) == listed


# --- the contract of listings


@pytest.mark.parametrize(
    ("bounds", "expected"), [("[s,e]", [3, 2, 1]), ("[s,e)", [2, 1]), ("(s,e]", [3, 2]), ("(s,e)", [2])]
)
def test_the_ends_of_a_window_count_as_the_behaviour_says(
    simulator: Simulator, client: Client, fixed: FixedMail, bounds: str, expected: list[int]
) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(HOUR + second) for second in range(5)])
    simulator.behaviour = replace(simulator.behaviour, bounds=bounds)
    answer = client.listing(INCOMING, HOUR + 1, HOUR + 3)
    assert [time - HOUR for time in times(answer)] == expected


def test_a_full_page_keeps_the_newest_rows_newest_first(client: Client, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(HOUR + second) for second in range(1500)])
    assert times(client.listing(INCOMING, HOUR, HOUR + 3600)) == [HOUR + second for second in range(1499, 499, -1)]


def test_a_full_page_can_keep_the_oldest_rows_oldest_first(
    simulator: Simulator, client: Client, fixed: FixedMail
) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(HOUR + second) for second in range(30)])
    simulator.behaviour = replace(simulator.behaviour, cap="oldest", order="oldest_first", page_limit=10)
    assert times(client.listing(INCOMING, HOUR, HOUR + 3600)) == [HOUR + second for second in range(10)]


def test_shuffled_ties_change_places_inside_their_second_alone(
    simulator: Simulator, client: Client, fixed: FixedMail
) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(HOUR + number // 10, f"Q{number}") for number in range(50)])
    calm = client.listing(INCOMING, HOUR, HOUR + 60).json()
    assert client.listing(INCOMING, HOUR, HOUR + 60).json() == calm
    simulator.behaviour = replace(simulator.behaviour, shuffle_ties=True)
    answers = [client.listing(INCOMING, HOUR, HOUR + 60) for _ in range(3)]
    assert len({answer.text for answer in answers}) == 3
    assert all(times(answer) == sorted(times(answer), reverse=True) for answer in answers)
    assert all(sorted(answer.json(), key=str) == sorted(calm, key=str) for answer in answers)


def test_rows_appear_only_once_they_are_visible() -> None:
    clock, fixed = [float(HOUR)], FixedMail()
    fixed.add(DOMAIN, INCOMING, [mail(HOUR), mail(HOUR + 10)])
    with Simulator(Behaviour(visible_after_seconds=30), source=fixed, now=lambda: clock[0]) as simulator:
        client = Client(simulator)
        seen = []
        for later in (0, 29.9, 30, 39.9, 40):
            clock[0] = HOUR + later
            seen.append(len(client.listing(INCOMING, HOUR, HOUR + 100).json()))
        assert seen == [0, 0, 1, 1, 2]
        assert len(simulator.truth(DOMAIN, INCOMING, HOUR, HOUR + 100)) == 2


def test_mail_of_the_future_is_neither_listed_nor_detailed(client: Client, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(NOW, "NOW"), mail(NOW + 1, "LATER")])
    assert [row["queue_id"] for row in client.listing(INCOMING, NOW - 10, NOW + 10).json()] == ["NOW"]
    assert client.detail("NOW", NOW).status_code == 200
    assert client.detail("LATER", NOW + 1).status_code == 404


def test_windows_of_more_than_14_days_and_old_quarantines_are_406(client: Client) -> None:
    day = 86_400
    assert client.listing(INCOMING, NOW - 14 * day, NOW).status_code == 200
    assert client.listing(INCOMING, NOW - 14 * day - 1, NOW).status_code == 406
    assert client.listing("quarantine/hold", NOW - 7 * day, NOW).json() == []
    refusal = client.listing("quarantine/quarantine", NOW - 7 * day - 1, NOW)
    assert refusal.status_code == 406
    assert refusal.json()["message"] == "Can make search 7 days before at most"
    assert set(refusal.json()) == {"status", "code", "message", "api-version", "extended-code-text", "link"}


def test_the_older_path_of_the_quarantine_still_answers(client: Client, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, "quarantine/hold", [{"time": HOUR, "type": "hold"}])
    answer = client.get("/queue", starttime=HOUR, endtime=HOUR, type="hold", domain=DOMAIN)
    assert answer.json() == [{"time": HOUR, "type": "hold"}]


def test_every_answer_has_the_date_of_the_simulated_clock(client: Client) -> None:
    for path in ("/logs/authentication", "/nowhere"):
        assert client.get(path).headers["Date"] == "Fri, 20 Nov 2026 14:00:00 GMT"


# --- who may ask, and how often


def test_calls_without_a_key_or_with_a_bad_one_are_401(simulator: Simulator, client: Client) -> None:
    simulator.behaviour = Behaviour(bad_keys=frozenset({"old"}))
    assert Client(simulator, "old").listing(INCOMING, HOUR, HOUR).status_code == 401
    del client.session.headers["Authorization"]
    assert client.listing(INCOMING, HOUR, HOUR).status_code == 401
    client.session.headers["Authorization"] = "Basic key"
    assert client.listing(INCOMING, HOUR, HOUR).status_code == 401


def test_a_forbidden_domain_is_403_for_listings_and_details(
    simulator: Simulator, client: Client, fixed: FixedMail
) -> None:
    fixed.add("example.org", INCOMING, [mail(HOUR, "Q", domain="example.org")])
    simulator.behaviour = Behaviour(forbidden_domains=frozenset({"example.org"}))
    assert client.listing(INCOMING, HOUR, HOUR, "example.org").status_code == 403
    assert client.detail("Q", HOUR).status_code == 403
    assert client.listing(INCOMING, HOUR, HOUR).status_code == 200


def test_calls_over_the_limit_of_a_key_are_429_with_retry_after(simulator: Simulator, client: Client) -> None:
    simulator.behaviour = Behaviour(requests_per_second=0.001)
    assert client.listing(INCOMING, HOUR, HOUR).status_code == 200
    refusal = client.listing(INCOMING, HOUR, HOUR)
    assert refusal.status_code == 429
    assert 900 < int(refusal.headers["Retry-After"]) <= 1000
    assert Client(simulator, "another").listing(INCOMING, HOUR, HOUR).status_code == 200
    assert simulator.calls.count("list", 429) == 1


@pytest.mark.parametrize("header", [None, "Fri, 20 Nov 2026 14:00:02 GMT", "soon"])
def test_retry_after_is_sent_word_for_word_or_left_out(
    simulator: Simulator, client: Client, header: str | None
) -> None:
    simulator.behaviour = Behaviour(requests_per_second=0.001, retry_after=header)
    client.listing(INCOMING, HOUR, HOUR)
    assert client.listing(INCOMING, HOUR, HOUR).headers.get("Retry-After") == header


def test_unknown_paths_are_404_and_unreadable_parameters_400(simulator: Simulator, client: Client) -> None:
    assert client.get("/nowhere").status_code == 404
    assert client.get("/logs/mail/a/b").status_code == 404
    elsewhere = simulator.base_url.removesuffix("/api/v2") + "/logs/mail"
    assert client.session.get(elsewhere, timeout=5).status_code == 404
    assert client.get("/logs/mail", starttime="x", endtime=1, type="incominglog", domain=DOMAIN).status_code == 400
    assert client.get("/logs/mail", starttime=1, endtime=1, type="spam", domain=DOMAIN).status_code == 400
    assert client.get("/logs/authentication", starttime=1, endtime=1).status_code == 400


# --- mail that a test puts there


def test_queue_ids_are_percent_decoded(client: Client, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(HOUR, "a/b ?ş%41")])
    assert client.detail("a/b ?ş%41", HOUR).json()["queue_id"] == "a/b ?ş%41"


def test_a_lone_surrogate_comes_as_an_escape(client: Client, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(HOUR, subject="kırık \ud83d")])
    answer = client.listing(INCOMING, HOUR, HOUR)
    assert rb"\ud83d" in answer.content
    assert json.loads(answer.content)[0]["subject"] == "kırık \ud83d"


def test_a_reused_queue_id_has_a_detail_for_each_time(client: Client, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(HOUR, "Q", subject="first"), mail(HOUR + 60, "Q", subject="second")])
    assert client.detail("Q", HOUR).json()["subject"] == "first"
    assert client.detail("Q", HOUR + 60).json()["subject"] == "second"


def test_records_can_be_listed_at_another_time_than_their_own(client: Client, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, "authentication", [{"email": "timeless"}, {"time": "never"}], at=HOUR)
    with pytest.raises(ValueError, match="at="):
        fixed.add(DOMAIN, "authentication", [{"email": "timeless"}])
    assert client.listing("authentication", HOUR, HOUR).json() == [{"time": "never"}, {"email": "timeless"}]


def test_removed_records_vanish_one_for_one(client: Client, fixed: FixedMail) -> None:
    twin = {"time": HOUR, "email": "a@example.com"}
    fixed.add(DOMAIN, "authentication", [twin, dict(twin)])
    fixed.remove(DOMAIN, "authentication", [dict(twin)])
    assert client.listing("authentication", HOUR, HOUR).json() == [twin]
    with pytest.raises(ValueError, match="no such record"):
        fixed.remove(DOMAIN, "authentication", [{"time": HOUR}])


def test_a_changed_mail_has_its_new_detail(client: Client, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(HOUR, "Q", tag="deferred")])
    fixed.add(DOMAIN, INCOMING, [mail(HOUR, "Q", tag="delivered")])
    fixed.remove(DOMAIN, INCOMING, [mail(HOUR, "Q", tag="deferred")])
    assert [row["tag"] for row in client.listing(INCOMING, HOUR, HOUR).json()] == ["delivered"]
    assert client.detail("Q", HOUR).json()["tag"] == "delivered"


def test_thirty_thousand_rows_of_one_second_are_all_there(
    simulator: Simulator, client: Client, fixed: FixedMail
) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(HOUR, f"Q{number}") for number in range(30_000)])
    assert len(client.listing(INCOMING, HOUR, HOUR + 3600).json()) == 1000
    simulator.behaviour = Behaviour(page_limit=30_000)
    assert len(client.listing(INCOMING, HOUR, HOUR + 3600).json()) == 30_000
    assert len(simulator.truth(DOMAIN, INCOMING, HOUR, HOUR + 1)) == 30_000


# --- faults


def test_a_fault_answers_as_often_as_it_was_asked_for(simulator: Simulator, client: Client, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(HOUR, "Q")])
    simulator.fail_next("/logs/mail/", Answer(503, {"X-Cause": "test"}), times=2)
    assert client.listing(INCOMING, HOUR, HOUR).status_code == 200
    assert [client.detail("Q", HOUR).status_code for _ in range(3)] == [503, 503, 200]
    simulator.fail_next(lambda request: request.kind == "list", Answer(200, body=b"null"))
    assert client.listing(INCOMING, HOUR, HOUR).content == b"null"
    assert client.listing(INCOMING, HOUR, HOUR).json() != []


def test_a_permanent_fault_stays_until_it_is_cleared(simulator: Simulator, client: Client, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(HOUR, "Q"), mail(HOUR, "R")])
    simulator.fail_next(lambda request: request.queue_id == "Q", Answer(404), times=None)
    assert [client.detail("Q", HOUR).status_code for _ in range(3)] == [404, 404, 404]
    assert client.detail("R", HOUR).status_code == 200
    simulator.faults.clear()
    assert client.detail("Q", HOUR).status_code == 200


def test_a_connection_can_be_reset(simulator: Simulator, client: Client) -> None:
    simulator.fail_next("/logs", Answer(reset=True))
    with pytest.raises(requests.ConnectionError, match="reset"):
        client.listing(INCOMING, HOUR, HOUR)
    assert client.listing(INCOMING, HOUR, HOUR).json() == []
    assert [call.status for call in simulator.calls] == [0, 200]


def test_a_body_can_end_too_early(simulator: Simulator, client: Client, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(HOUR)])
    simulator.fail_next("/logs", Answer(truncated=True))
    with pytest.raises(requests.RequestException, match="IncompleteRead"):
        client.listing(INCOMING, HOUR, HOUR)


def test_a_body_can_go_on_for_ever(simulator: Simulator, client: Client) -> None:
    simulator.fail_next("/logs", Answer(endless=True, chunk_pause=0.001))
    with client.session.get(client.url + "/logs/authentication", stream=True, timeout=5) as answer:
        chunks = answer.iter_content(1)
        received = b"".join(next(chunks) for _ in range(1000))
    assert received.endswith(b" " * 100)


def test_a_delayed_answer_is_the_true_one(simulator: Simulator, client: Client, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(HOUR)])
    simulator.fail_next("/logs", Answer(delay=0.01))
    assert times(client.listing(INCOMING, HOUR, HOUR)) == [HOUR]


def test_others_do_not_wait_for_a_delayed_answer(simulator: Simulator, client: Client) -> None:
    simulator.fail_next("/logs/authentication", Answer(delay=60))
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(Client(simulator).listing, "authentication", HOUR, HOUR)
        while not simulator.calls.count("list") and not late.done():
            time.sleep(0.001)
        assert client.listing(INCOMING, HOUR, HOUR).json() == []
        assert not late.done()
        simulator.close()
        with pytest.raises(requests.ConnectionError):
            late.result()


# --- HTTP, threads and processes


def raw(simulator: Simulator, text: bytes) -> bytes:
    """What the server sends for these bytes until it closes the connection."""
    address = urlsplit(simulator.base_url)
    with socket.create_connection((address.hostname, address.port or 0), timeout=5) as connection:
        connection.sendall(text)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_pipelined_requests_are_answered_in_their_order(simulator: Simulator) -> None:
    simulator.fail_next("/n0", Answer(delay=0.02))
    head = "GET /api/v2/{} HTTP/1.1\r\nAuthorization: Bearer key\r\nConnection: {}\r\n\r\n"
    asked = "".join(head.format(f"n{number}", "close" if number == 49 else "keep-alive") for number in range(50))
    answers = raw(simulator, asked.encode())
    assert [call.path for call in simulator.calls] == [f"/n{number}" for number in range(50)]
    assert [answers.find(f"/n{number}".encode()) for number in range(50)] == sorted(
        answers.find(f"/n{number}".encode()) for number in range(50)
    )
    assert answers.count(b"HTTP/1.1 404") == 50


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"POST /api/v2/logs/mail HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", 405),
        (b"GET /api/v2/logs/mail HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"GET /" + b"x" * 20_000, 431),
    ],
)
def test_what_is_no_plain_get_is_refused_and_the_connection_ends(
    simulator: Simulator, text: bytes, status: int
) -> None:
    assert raw(simulator, text).startswith(f"HTTP/1.1 {status} ".encode())


def test_calls_are_counted_by_kind_and_status(simulator: Simulator, client: Client, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(HOUR, "Q")])
    client.listing(INCOMING, HOUR, HOUR)
    client.detail("Q", HOUR)
    client.detail("R", HOUR)
    client.get("/nowhere")
    kinds: tuple[str, ...] = ("list", "detail", "other")
    assert [simulator.calls.count(kind) for kind in kinds] == [1, 2, 1]  # type: ignore[arg-type]
    assert simulator.calls.count("detail", 404) == simulator.calls.count(status=200) - 1 == 1
    assert next(iter(simulator.calls)).params["domain"] == DOMAIN
    simulator.calls.clear()
    assert (len(simulator.calls), list(simulator.calls)) == (0, [])


def test_it_starts_and_closes_as_often_as_asked_and_keeps_its_port() -> None:
    simulator = Simulator(now=lambda: NOW)
    simulator.close()
    assert simulator.start().start() is simulator
    url = simulator.base_url
    assert Client(simulator).get("/nowhere").status_code == 404
    simulator.close()
    simulator.close()
    with pytest.raises(requests.ConnectionError):
        Client(simulator).get("/nowhere")
    with simulator:
        assert simulator.base_url == url
        assert Client(simulator).get("/nowhere").status_code == 404


def test_it_serves_loopback_addresses_alone() -> None:
    with pytest.raises(ValueError, match="loopback"):
        Simulator(host="0.0.0.0")


def test_serving_in_the_foreground_ends_with_an_interrupt() -> None:
    program = (
        "from functools import partial; from mailevents_dagster.sources.uzmanposta.simulator import serve; "
        f"serve(0, domains=[{DOMAIN!r}], announce=partial(print, flush=True))"
    )
    environment = {"PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment
    ) as served:
        url = served.stdout.readline().strip() if served.stdout else ""
        assert requests.get(f"{url}/nowhere", headers={"Authorization": "Bearer key"}, timeout=5).status_code == 404
        served.send_signal(signal.SIGINT)
        assert served.wait(timeout=10) == 0


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_process_has_one_embedded_simulator_and_a_fork_its_own() -> None:
    with ThreadPoolExecutor(8) as pool:
        urls = set(pool.map(lambda number: embedded([f"d{number}.example"]), range(16)))
    assert len(urls) == 1
    with multiprocessing.get_context("fork").Pool(1) as forked:
        url, status = forked.apply(_ask_embedded)
    assert url not in urls
    assert status == 200


def _ask_embedded() -> tuple[str, int]:
    url = embedded([DOMAIN])
    answer = requests.get(
        f"{url}/logs/authentication?starttime={HOUR}&endtime={HOUR}&domain={DOMAIN}",
        headers={"Authorization": "Bearer key"},
        timeout=5,
    )
    return url, answer.status_code
