"""The simulator as a server: HTTP, threads and processes."""

from __future__ import annotations

import multiprocessing
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from mailevents_dagster.sources.uzmanposta.simulator import Answer, FixedMail, Simulator, embedded
from mailevents_dagster_tests.sources.uzmanposta.simulator.asking import DOMAIN, HOUR, INCOMING, NOW, Client, mail


def raw(simulator: Simulator, text: bytes) -> bytes:
    """What the server sends for these bytes until it closes the connection."""
    address = urlsplit(simulator.base_url)
    with socket.create_connection((address.hostname, address.port or 0), timeout=60) as connection:
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
        (b"GET /" + b"x" * 65_532, 414),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 101, 431),
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
    environment = {"PYTHONPATH": str(Path(__file__).parents[4])}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment
    ) as served:
        url = served.stdout.readline().strip() if served.stdout else ""
        assert requests.get(f"{url}/nowhere", headers={"Authorization": "Bearer key"}, timeout=60).status_code == 404
        served.send_signal(signal.SIGINT)
        assert served.wait(timeout=60) == 0


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
        timeout=60,
    )
    return url, answer.status_code
