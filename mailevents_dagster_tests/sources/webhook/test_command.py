"""`mailevents receive` as it is installed, and what `mailevents collect` makes of it."""

from __future__ import annotations

import json
import shutil
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from mailevents_dagster.model.hour import Hour
from mailevents_dagster_tests.commands import COMMAND, mailevents
from mailevents_dagster_tests.sources.webhook.senders import JSON, MAILGUN_KEY, mailgun_body, mailgun_event

pytestmark = pytest.mark.slow

CERTIFICATE = Path(__file__).parents[2] / "worthless_test_certificate.pem"
SETTINGS = """
start: {start}
storage: ./data
webhooks: [{{name: replies, provider: mailgun, secret: "${{MAILGUN_SIGNING_KEY}}"}}]
receiver: {{port: 0, prefix: /mail{more}}}
"""


def environment(folder: Path, more: str = "") -> dict[str, str]:
    hour = Hour.containing(time.time() - 3600, "UTC")
    file = folder / "mailevents.yaml"
    file.write_text(SETTINGS.format(start=f"{hour.key[:10]}T{hour.key[11:]}", more=more))
    (folder / ".env").write_text(f"MAILGUN_SIGNING_KEY={MAILGUN_KEY}\n")
    return {"PATH": "/usr/bin:/bin", "HOME": str(folder), "MAILEVENTS_CONFIG": str(file)}


@contextmanager
def receiving(environ: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command at work, and the address that it tells."""
    with subprocess.Popen(
        [COMMAND, "receive"], env=environ, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout
        said = running.stdout.readline()
        try:
            yield running, said.removeprefix("Receiving at ").strip()
        finally:
            running.kill()


def post(url: str, **more: Any) -> int:
    now = time.time()
    return requests.post(
        url, mailgun_body(mailgun_event("id-1", at=now), at=now), headers=JSON, timeout=30, **more
    ).status_code


def test_what_is_received_is_collected(tmp_path: Path) -> None:
    environ = environment(tmp_path)
    with receiving(environ) as (running, url):
        assert url.endswith("/mail/webhooks/replies")
        assert post(url) == 200
        collected = mailevents("collect", "--since-cursor", environ=environ)  # while the receiver runs
        assert collected.returncode == 0, collected.stderr
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) == 0
        assert "What was acknowledged is kept" in (running.stderr.read() if running.stderr else "")
    logs = (tmp_path / "data/output/replies/webhook").glob("replies_mailgun_*.log")
    assert [json.loads(line)["id"] for log in logs for line in log.read_text().splitlines()] == ["id-1"]


def test_a_second_receiver_is_refused(tmp_path: Path) -> None:
    environ = environment(tmp_path)
    with receiving(environ) as (_, url):
        second = mailevents("receive", environ=environ)
        assert (second.returncode, second.stderr) == (3, "Another process receives for this storage.\n")
        assert post(url) == 200


def test_a_replay_is_known_after_a_kill(tmp_path: Path) -> None:
    environ, now = environment(tmp_path), time.time()
    body = mailgun_body(mailgun_event(at=now), at=now)
    for status in (200, 406):
        with receiving(environ) as (running, url):
            assert requests.post(url, body, headers=JSON, timeout=30).status_code == status
            running.kill()
            running.wait(60)


def test_it_speaks_tls_itself(tmp_path: Path) -> None:
    shutil.copy(CERTIFICATE, tmp_path / "receiver.pem")
    environ = environment(tmp_path, ", certificate: receiver.pem, key: receiver.pem")
    with receiving(environ) as (_, url):
        assert url.startswith("https://127.0.0.1:")
        assert "BEGIN CERTIFICATE" in ssl.get_server_certificate(("127.0.0.1", int(url.split(":")[2].split("/")[0])))
        assert post(url, verify=str(CERTIFICATE)) == 200


def test_a_certificate_that_is_none_is_told(tmp_path: Path) -> None:
    environ = environment(tmp_path, ", certificate: receiver.pem, key: receiver.pem")
    for content in (None, "no certificate"):
        if content:
            (tmp_path / "receiver.pem").write_text(content)
        done = mailevents("receive", environ=environ)
        assert done.returncode == 2
        assert "receiver.pem are no certificate and key" in done.stderr


def test_wrong_usage_is_told(tmp_path: Path) -> None:
    environ = environment(tmp_path)
    for arguments, said in (
        (("--port", "x"), "--port"),
        (("--host", "192.0.2.1", "--port", "1"), "cannot be listened at"),
    ):
        done = mailevents("receive", *arguments, environ=environ)
        assert done.returncode in (1, 2)
        assert said in done.stderr
    (tmp_path / "mailevents.yaml").write_text(
        "start: 2026-01-01T00:00\nmail_logs: [{name: a, format: exim, files: x}]\n"
    )
    assert "name no webhook" in mailevents("receive", environ=environ).stderr
