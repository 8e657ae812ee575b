"""The address of the database: a secret that is checked when it is read, and never shown."""

from __future__ import annotations

import pytest

from mailevents_dagster_tests.settings.documents import ENVIRON, Complaints, Load

GOOD = "postgresql://mailevents:s3cret@db.example.com:5432/mailevents"


@pytest.mark.parametrize(
    "address",
    [
        GOOD,
        "postgres://mailevents@db/mailevents",
        "postgresql+psycopg2://u:s3%2Fcr%40et%23%25@10.0.0.1/x?sslmode=verify-full&sslrootcert=/etc/ssl/db.pem",
        "postgresql://u:s3cret@[2001:db8::5]:5433/x",
        "postgresql:///mailevents?host=/var/run/postgresql",
    ],
)
def test_an_address_is_taken_and_read_from_the_environment_when_it_is_used(
    load: Load, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB", address)
    settings = load(environ={**ENVIRON, "DB": address}, postgres="${DB}")
    assert settings.postgres_variable == "DB"
    assert settings.postgres == address.replace("+psycopg2", "")


def test_without_it_there_is_no_database(load: Load) -> None:
    assert load().postgres is None


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("mysql://u:s3cret@db/x", "is not that of a PostgreSQL database"),
        ("s3cret", "is not that of a PostgreSQL database"),
        ("postgresql://u:s3cret@db/", "names no host or no database"),
        ("postgresql://u:s3cret@/x", "names no host or no database"),
        ("postgresql://u:s3@cret@db/x", "cannot be read"),
        ("postgresql://u:s3/cret@db/x", "cannot be read"),
        ("postgresql://u:12/s3cret@db/x", "cannot be read"),
        ("postgresql://u:s3#cret@db/x", "cannot be read"),
        ("postgresql://u:12#s3cret@db/x", "cannot be read"),
        ("postgresql://u:s3?cret@db/x", "cannot be read"),
        ("postgresql://u:s3%cret@db/x", "cannot be read"),
        ("postgresql://u:s3 cret@db/x", "cannot be read"),
        ("postgresql://u:s3cret@[::1/x", "cannot be read"),
        (f"{GOOD}\n", "has spaces or line breaks around it"),
    ],
)
def test_an_address_that_cannot_be_right_is_told_and_not_shown(
    complaints: Complaints, address: str, message: str
) -> None:
    told = complaints(environ={**ENVIRON, "DB": address}, postgres="${DB}")
    assert message in told["postgres"]
    assert "s3" not in str(told)
    assert "cret" not in str(told).replace("secret", "")


def test_an_address_in_the_file_itself_is_refused_and_not_shown(complaints: Complaints) -> None:
    told = complaints(postgres=GOOD)
    assert "put it into an environment variable" in told["postgres"]
    assert "s3cret" not in str(told)
