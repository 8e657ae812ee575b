"""Names of files that settings ask for: each file has one of its own, and one that can be."""

from __future__ import annotations

from typing import Any

import pytest

from mailevents_dagster_tests.settings.documents import Complaints, Load, account


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("{domain}_%Y-%m-%d.log", "the same name"),
        ("{domain}_%Y-%m_%H.log", "the same name"),
        ("{domain}_%m-%d_%H.log", "the same name"),
        ("%Y-%V-%u_%H.log", "the same name"),
        ("%F_%%H.log", "the same name"),
        ("x.log", "the same name"),
        ("%F/%H.log", "without folders"),
        ("..\\%F_%H.log", "without folders"),
        ("{domain}_{feed}_%F_%H.log", "in braces and nothing else"),
        ("{domain!r}_%F_%H.log", "in braces and nothing else"),
        ("{{}}_%F_%H.log", "in braces and nothing else"),
        ("%F_%H_%T.log", "no other code"),
        ("%F_%-H.log", "no other code"),
        ("%F_%H%.log", "no other code"),
        ("%F:%H.log", "Windows refuses"),
        ("%F_%H?.log", "Windows refuses"),
        ("%F_%H.log ", "Windows refuses"),
        ("con.%F_%H.log", "Windows refuses"),
        ("", "Windows refuses"),
        ("%F.%H", "after its last dot"),
        ("%F_%H" + "x" * 300 + ".log", "bytes too long"),
        ("%F_%H" + "ü" * 120 + ".log", "bytes too long"),
    ],
)
def test_a_pattern_that_cannot_name_every_log_file_is_refused(complaints: Complaints, name: str, message: str) -> None:
    assert message in complaints(log_file_name=name)["log_file_name"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("messages.log", "the code %Y"),
        ("messages_%m-%d_%H.log", "the code %Y"),
        ("messages_%Y-%m-%d_%H%M.log", "no other"),
        ("messages_%Y_%Y.log", "each once"),
        ("messages_{domain}_%Y.log", "nor braces"),
        ("logs/messages_%Y.log", "without folders"),
        ("messages_%Y:%m.log", "Windows refuses"),
    ],
)
def test_a_pattern_that_cannot_name_operating_logs_is_refused(complaints: Complaints, name: str, message: str) -> None:
    assert message in complaints(operating_logs={"errors": name})["operating_logs.errors"]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"operating_logs": {"errors": "messages_%Y-%m-%d_%H.log"}}, "operating_logs.errors"),
        (
            {"operating_logs": {"messages": "all_%Y-%m-%d_%H.log"}, "log_file_name": "all_%Y-%m-%d_%H.log"},
            "operating_logs.messages",
        ),
    ],
)
def test_logs_that_would_be_written_into_one_file_are_refused(
    complaints: Complaints, changes: dict[str, Any], path: str
) -> None:
    assert "has that name already" in complaints(**changes)[path]


@pytest.mark.parametrize("name", ["a/b", "a:b", "", "con", "x" * 201])
def test_a_heartbeat_name_that_cannot_begin_a_files_name_is_refused(complaints: Complaints, name: str) -> None:
    told = complaints(accounts=[account(sections={"mail/incominglog": name})])
    assert list(told) == ["accounts[0].sections['mail/incominglog']"]


def test_the_longest_domain_decides_whether_names_are_short_enough(load: Load, complaints: Complaints) -> None:
    long = [account(), account(domain=".".join(["a" * 61] * 4))]
    assert "bytes too long" in complaints(accounts=long)["log_file_name"]
    assert load(accounts=long, log_file_name="{type}_%F_%H.log").log_file_name
