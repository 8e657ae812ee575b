"""What an INI file says: carried over, or said with key and reason."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.uzmanposta.settings import UzmanPostaSettings
from mailevents_dagster_tests.sources.uzmanposta.migration.migrated import (
    EARLIER,
    INCOMING,
    LATER,
    OUTGOING,
    ZONE,
    firsts,
    loaded,
)
from mailevents_dagster_tests.sources.uzmanposta.migration.old_tool import INI, OldTool


def test_position_files_are_found_where_the_old_tool_found_them(old: OldTool, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.pos"
    elsewhere.write_text(str(EARLIER))
    (old.out / "here").mkdir()
    (old.out / "here" / "out_out.pos").write_text(str(LATER))
    (old.folder / "net.pos").write_text(str(LATER))
    old.ini(
        INI.replace("[MailLogger:out]", f"position_file = {elsewhere}\n[MailLogger:out]")
        + "position_file = here/{section}_{id}.pos\n"
        + "[MailLogger:net]\ndomain = example.net\nposition_file = {section}.pos\n"
        + "[MailLogger:org]\ndomain = example.org\nposition_file = {host}.pos\n"
    )

    done = old.migrate()

    assert "its path has {host} in it" in done.stdout
    found = firsts(old)
    assert found[str(INCOMING)] == Hour.containing(EARLIER, ZONE).start
    assert found[str(OUTGOING)] == found["example.net mail/outgoinglog"] == Hour.containing(LATER, ZONE).start


def test_sections_that_cannot_be_carried_over_are_said_with_key_and_reason(old: OldTool) -> None:
    sections = {
        "nokey": "domain = a.example\napi_key =",
        "fake": "domain = a.example\napi_key = YOUR_API_KEY",
        "global": "",
        "typo": "domain = a.example\ntype = incominglogs",
        "kind": "domain = a.example\ncategory = spam",
        "plain": "domain = a.example\nurl = http://a.example/api/v2/logs/mail",
        "clash": "domain = example-com.example",
        "first": "domain = example.com.example",
    }
    old.ini(INI + "".join(f"[MailLogger:{name}]\n{text}\n" for name, text in sections.items()))

    done = old.migrate()

    assert done.returncode == 1
    for section, said in {
        "nokey": "api_key: is missing",
        "fake": "api_key: .*placeholder",
        "global": "domain: is empty",
        "typo": "type: 'incominglogs' .*`incominglog`",
        "kind": "category: 'spam'",
        "plain": "url: .*unencrypted",
        "first": "domain: .* both named example_com_example",
    }.items():
        assert re.search(rf"\[{section}\] {said}", done.stdout), section
    assert {feed.domain for feed in loaded(old).feeds} == {"example.com", "example-com.example"}


def test_sections_of_one_domain_become_one_account(old: OldTool) -> None:
    old.ini(
        INI
        + "[MailLogger:again]\ndomain = EXAMPLE.com\ntype = incominglog\n"
        + "[MailLogger:auth]\ndomain = example.com\ncategory = authentication\napi_key = an0ther-key-99\n"
        + "url = https://yenipanel.uzmanposta.com/api/v2/logs/authentication\n"
        + "[MailLogger]\ndomain = bücher.example\ncategory = quarantine\n"
    )
    old.position("in", LATER)
    old.position("again", EARLIER)

    done = old.migrate()

    assert done.returncode == 0
    assert re.search(r"\[in\]: .* is also \[again\]", done.stdout)
    assert re.search(r"\[auth\] api_key: .* \[out\]", done.stdout)
    assert re.search(r"\[auth\] url: .* \[out\]", done.stdout)
    first, second = loaded(old).section(UzmanPostaSettings).accounts
    assert list(first.feeds) == ["mail/outgoinglog", "mail/incominglog", "authentication"]
    assert first.sections["mail/incominglog"] == "again"
    assert firsts(old)[str(INCOMING)] == Hour.containing(EARLIER, ZONE).start
    assert (second.domain, second.feeds[0]) == ("xn--bcher-kva.example", "quarantine/quarantine")
    assert second.sections == {"quarantine/quarantine": "MailLogger"}
    assert "an0ther" not in done.stdout


def test_what_the_ini_says_of_the_whole_is_carried_over(old: OldTool) -> None:
    old.ini(
        "[DEFAULT]\nmax_records_per_page = 500\nlist_timeout = 90\ndetail_timeout = 240\nlist_retries = 300\n"
        "detail_retries = 4\nlog_file_name_format = {type}-of-{domain}.%Y%m%d%H.log\nmax_parallel_details = 3\n"
        "message_log_file_name = said_%Y-%m-%d.log\nmessage_log_retention_count = 30\nlist_sleep_time = 2\n"
        "url = https://proxy.example:8443/uzman/api/v2/logs/mail/\nheartbeat_file = beat.json\nodd = 1\n"
        + INI.replace("[DEFAULT]\n", "")
        + "max_parallel_details = many\nlog_file_name_format = %H.log\n"
    )

    done = old.migrate()

    settings = loaded(old)
    api = settings.section(UzmanPostaSettings).api
    assert api.base_url == "https://proxy.example:8443/uzman/api/v2"
    assert (api.page_limit, api.timeout_seconds, api.max_attempts) == (500, 240, 100)
    assert api.max_parallel_details == 3
    assert settings.log_file_name == "{type}-of-{domain}.%Y%m%d%H.log"
    assert settings.operating_logs.messages == "said_%Y-%m-%d.log"
    assert (settings.operating_logs.messages_kept, settings.operating_logs.errors_kept) == (30, 2)
    for said in (
        "list_retries and detail_retries: 300 becomes `max_attempts: 100`",
        "max_parallel_details: 'many'",
        "log_file_name_format: '%H.log' differs",
        "heartbeat_file: each section has",
        "list_sleep_time: not needed any more",
        "`odd`: known neither",
    ):
        assert done.stdout.count(said) == 1, said


def test_logs_that_shared_a_name_get_names_of_their_own(old: OldTool) -> None:
    names = "message_log_file_name = log_%Y-%m-%d.log\nerror_log_file_name = log_%Y-%m-%d.log\n"
    old.ini("[DEFAULT]\n" + names + INI.replace("[DEFAULT]\n", ""))
    assert "message_log_file_name, error_log_file_name:" in old.migrate().stdout
    assert loaded(old).operating_logs.messages == "messages_%Y-%m-%d_%H.log"


def test_a_key_that_the_environment_has_another_value_of_is_told(two: OldTool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UZMANPOSTA_KEY_EXAMPLE_COM", "0ther-than-in-the-INI")
    done = two.migrate()
    assert "UZMANPOSTA_KEY_EXAMPLE_COM has another value in this environment" in done.stdout
    assert "0ther-than" not in done.stdout


def test_accounts_that_are_asked_differently_stay_so(old: OldTool) -> None:
    old.ini(INI + "max_parallel_details = 3\n[MailLogger:net]\ndomain = example.net\nmax_parallel_details = 5\n")
    old.migrate()
    assert [account.max_parallel_details for account in loaded(old).section(UzmanPostaSettings).accounts] == [3, 5]


def test_where_the_machines_time_zone_has_no_name_it_is_asked_for(two: OldTool) -> None:
    done = two.migrate(timezone="<+03>-3")
    assert done.returncode == 2
    assert "--timezone" in done.stderr
    assert two.migrate("--timezone", "Europe/Istambul").returncode == 2
    assert list(two.out.iterdir()) == []
    assert two.migrate("--timezone", "Asia/Kolkata", timezone="<+03>-3").returncode == 0
    assert loaded(two).timezone == "Asia/Kolkata"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"api_key = S3CRET-9921\n", "line 1"),
        (b"[MailLogger:a]\nS3CRET-9921\n", "line 2"),
        (b"[MailLogger:a]\nx = 1\nx = S3CRET-9921\n", "line 3"),
        (b"[MailLogger:a]\n[MailLogger:a]\n", "line 2"),
        (b"[MailLogger:a]\nx = S3CRET-9921 \xff\n", "line 2 is not UTF-8"),
        (b"[Other]\n", "no section"),
        (b"", "no section"),
    ],
)
def test_an_ini_that_cannot_be_read_is_told_without_what_stands_in_it(old: OldTool, content: bytes, said: str) -> None:
    (old.folder / "uzmanposta.ini").write_bytes(content)
    done = old.migrate()
    assert done.returncode == 2
    assert said in done.stderr
    assert "S3CRET" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert list(old.out.iterdir()) == []


def test_a_missing_ini_is_told(old: OldTool) -> None:
    done = old.migrate()
    assert (done.returncode, "cannot be read" in done.stderr) == (2, True)
