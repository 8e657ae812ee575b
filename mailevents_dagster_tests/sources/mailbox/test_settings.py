"""The mailboxes' part of the settings file: what is right, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mailevents_dagster.settings import Settings, SettingsError
from mailevents_dagster.sharing.database import Database
from mailevents_dagster.sharing.number_places import Row
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.mailbox.opening import access_of, mailbox_of
from mailevents_dagster.sources.mailbox.settings import AUTHORITY, BASE_URL, MailboxSettings

ENVIRON = {"SECRET": "s3cr3t-0f-the-app", "SFTP": "sftp-pass", "TENANT": "contoso.example"}
GRAPH = {
    "address": "fund@example.com",
    "tenant_id": "${TENANT}",
    "client_id": "6731de76-14a6-49ae-97bc-6eba6914391e",
    "client_secret": "${SECRET}",
}
IMAP = {"address": "ops@example.com", "protocol": "imap", "host": "imap.example.com", "password": "${SECRET}"}
SFTP = {"host": "files.example.com", "user": "fund", "password": "${SFTP}", "folder": "/in"}


def load(folder: Path, *mailboxes: dict[str, Any], environ: dict[str, str] | None = None, **others: Any) -> Settings:
    file = folder / "mailevents.yaml"
    file.write_text(yaml.safe_dump({"start": "2026-11-01T00:00", "mailboxes": list(mailboxes), **others}))
    return load_settings(file, ENVIRON if environ is None else environ)


def test_a_mailbox_alone_is_enough(tmp_path: Path) -> None:
    settings = load(tmp_path, {"address": "Fund@Example.com", "tenant_id": "simulator"})
    [feed] = settings.feeds
    assert str(feed) == "fund@example.com mailbox/messages"
    assert feed.asset_key == ("mailbox", "fund@example.com")
    assert settings.configured[0].access == {"endpoint": "simulator"}


def test_what_is_left_out_has_the_defaults_that_are_promised(tmp_path: Path) -> None:
    [box] = load(tmp_path, {**GRAPH, "deliver": {"sftp": SFTP}}).section(MailboxSettings).mailboxes
    assert (box.protocol, box.base_url, box.authority, box.ca_bundle, box.bodies) == (
        "graph",
        BASE_URL,
        AUTHORITY,
        None,
        True,
    )
    assert box.tenant_id == "contoso.example"
    assert box.client_secret_variable == "SECRET"
    assert box.deliver
    assert (box.deliver.every_minutes, box.deliver.timezone, box.deliver.columns) == (5, "Asia/Seoul", "original")
    assert (box.deliver.sftp.port, box.deliver.sftp.folder) == (22, "/in")
    assert box.deliver.sftp.known_hosts == str(Path("~/.ssh/known_hosts").expanduser())


def test_no_secret_is_in_the_settings(tmp_path: Path) -> None:
    settings = load(tmp_path, {**GRAPH, "deliver": {"sftp": SFTP}}, IMAP)
    assert not any(secret in repr(settings) for secret in (ENVIRON["SECRET"], ENVIRON["SFTP"]))


def test_paths_are_seen_from_the_folder_of_the_file(tmp_path: Path) -> None:
    written = {name: value for name, value in GRAPH.items() if name != "client_secret"}
    [box] = (
        load(tmp_path, {**written, "certificate": "app.pem", "ca_bundle": "ca.pem"}).section(MailboxSettings).mailboxes
    )
    assert (box.certificate, box.ca_bundle) == (str(tmp_path / "app.pem"), str(tmp_path / "ca.pem"))


def test_imap_takes_a_password_or_an_application(tmp_path: Path) -> None:
    application = {name: GRAPH[name] for name in ("tenant_id", "client_id", "client_secret")}
    other = {**IMAP, **application, "address": "other@example.com"}
    del other["password"]
    boxes = load(tmp_path, IMAP, other).section(MailboxSettings).mailboxes
    assert [(box.port, box.password_variable) for box in boxes] == [(993, "SECRET"), (993, None)]


def without(*names: str, **changes: Any) -> dict[str, Any]:
    return {**{name: value for name, value in GRAPH.items() if name not in names}, **changes}


@pytest.mark.parametrize(
    ("mailbox", "path", "said"),
    [
        (without(address="fund"), "mailboxes[0].address", "is not a mail address"),
        (without("tenant_id"), "mailboxes[0]", "needs `tenant_id`"),
        (without("tenant_id", "client_id"), "mailboxes[0]", "needs `tenant_id`, `client_id`"),
        (without("client_secret"), "mailboxes[0]", "either `client_secret: ${NAME}` or `certificate`"),
        (without(certificate="app.pem"), "mailboxes[0]", "either `client_secret: ${NAME}` or `certificate`"),
        (without(client_secret="plain-text"), "mailboxes[0].client_secret", "is not `${NAME}`"),
        (without(client_secret="${UNSET}"), "mailboxes[0].client_secret", "UNSET is not set or empty"),
        (without(tenant_id="a/b"), "mailboxes[0].tenant_id", "is not a tenant"),
        (without(client_id="a b"), "mailboxes[0].client_id", "is not an application"),
        (without(base_url="http://graph.example.com"), "mailboxes[0].base_url", "unencrypted"),
        (without(base_url="https://graph.example.com?x=1"), "mailboxes[0].base_url", "holds a query"),
        (without(authority="login.example.com"), "mailboxes[0].authority", "is not an https address"),
        (without(host="imap.example.com"), "mailboxes[0]", "has keys of imap"),
        (without(tenantid="x"), "mailboxes[0].tenantid", "did you mean `tenant_id`?"),
        ({**IMAP, "tenant_id": "simulator"}, "mailboxes[0]", "is a mailbox of graph"),
        ({**IMAP, "host": None}, "mailboxes[0].host", "is missing"),
        ({**IMAP, "password": None}, "mailboxes[0]", "needs `password: ${NAME}`, or tenant_id"),
        ({**IMAP, "port": 0}, "mailboxes[0].port", "is not a whole number from 1 to 65535"),
        (without(deliver={}), "mailboxes[0].deliver.sftp", "is missing"),
        (without(deliver={"sftp": {**SFTP, "key": "id"}}), "mailboxes[0].deliver.sftp", "either `password: ${NAME}`"),
        (
            without(deliver={"sftp": SFTP, "columns": "all"}),
            "mailboxes[0].deliver.columns",
            "write one of `original`, `extended`",
        ),
        (without(deliver={"sftp": SFTP, "timezone": "Seoul"}), "mailboxes[0].deliver.timezone", "IANA"),
        (
            without(deliver={"sftp": SFTP, "every_minutes": 0}),
            "mailboxes[0].deliver.every_minutes",
            "is not a whole number from 1 to 1440",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_mend(tmp_path: Path, mailbox: dict[str, Any], path: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, mailbox)
    assert said in {problem.path: problem.message for problem in caught.value.problems}[path]
    assert ENVIRON["SECRET"] not in str(caught.value)


def test_two_mailboxes_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="would be one group"):
        load(tmp_path, GRAPH, {**GRAPH, "address": "FUND@example.com"})


@pytest.mark.parametrize("is_shared", [False, True])
def test_the_budget_of_a_mailbox_is_a_row_where_the_settings_name_a_database_and_a_file_elsewhere(
    is_shared: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {**ENVIRON, "DB": "postgresql://u:s3cret@db.example.com/x"}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    named = {"postgres": "${DB}"} if is_shared else {}
    settings = load(tmp_path, GRAPH, {**GRAPH, "address": "ops@example.com"}, environ=environ, storage="data", **named)
    fund, ops = (access_of(settings, mailbox_of(settings, f"{name}@example.com")).budget for name in ("fund", "ops"))
    assert fund != ops, "Graph counts each mailbox for itself"
    assert fund
    where = fund.database if isinstance(fund, Row) else fund.parent
    assert where == (Database(environ["DB"]) if is_shared else tmp_path / "data" / "budgets")
    assert "fund" not in fund.name
