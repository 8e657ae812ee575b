"""Moving over from fund_mail: its .env and LAST_TIME.json become settings. No file of it is ever changed."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path, PureWindowsPath
from typing import Any, Final
from zoneinfo import ZoneInfo

from dotenv import dotenv_values

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings.first_files import Outcome, env_line, write_env, write_file, written_start
from mailevents_dagster.settings.problems import enumeration, shown
from mailevents_dagster.settings.values import check_host, check_mail_address

SETTINGS: Final = "mailevents.yaml"
LAST_TIME: Final = "LAST_TIME.json"
OLD_TIMEZONE: Final = "Asia/Seoul"
"""In which the old tool wrote kst_time, and began a day where it had no position."""
SECRETS: Final[Mapping[str, str]] = {"CLIENT_SECRET": "CLIENT_SECRET", "SFTP_PW": "SFTP_PASSWORD"}
"""Keys of the old file whose values are secrets, and their new variables."""
NOT_NEEDED: Final[Mapping[str, str]] = {
    "EMAIL_PW": "the application signs in with its own secret",
    "LOG_DIR": "what was collected and delivered stands in the metadata of each hour",
}
"""Keys without a successor, and why none is needed."""
NEXT_STEPS: Final = (
    "Stop the service or task of the old tool: while it runs, both deliver.",
    "ssh-keyscan -p PORT HOST >> ~/.ssh/known_hosts, and compare what that shows with what the server's operator says.",
    "make check, then mailevents status: it lists the mailbox with its missing hours.",
    "make ui, or the services of docs/operations.md: mails are then collected and delivered by themselves.",
)

_TAKEN: Final = frozenset(
    ["EMAIL_ID", "TENANT_ID", "CLIENT_ID", *SECRETS, "HOST", "PORT", "SFTP_ID", "SFTP_BASE_DIR", "BASE_DIR", "DATA_DIR"]
)
_NEEDED: Final = ("EMAIL_ID", "TENANT_ID", "CLIENT_ID", "CLIENT_SECRET", "HOST", "SFTP_ID", "SFTP_PW")
_SETTINGS: Final = """\
# Settings of mailevents_dagster, made by `mailevents migrate` from {source}.
# What is not said here is as mailevents.example.yaml shows it, where every key is explained.

# Names the hours in the Dagster UI and in file names.
timezone: {timezone}

# The first hour, in that time zone: that of the last mail of the old tool. Write an earlier one to collect older mails.
start: {start}

# Everything new lies here, seen from the folder of this file.
storage: ./data
"""
_MAILBOXES: Final = """\
mailboxes:
  - address: {address}
    tenant_id: {tenant}
    client_id: {client}
    client_secret: ${{CLIENT_SECRET}}
    deliver:
      timezone: {old_timezone}  # of kst_time
      since: {since}  # mails from before were delivered by the old tool
      sftp:
        host: {host}
        port: {port}
        user: {user}
        password: ${{SFTP_PASSWORD}}
        folder: {folder}
"""


class FundMailError(Exception):
    """The old file cannot be used; the text says where, and quotes nothing from the file: it may be a secret."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What becomes of the old files, before anything is written."""

    head: str
    sections: str
    """Of the settings, behind the head."""
    keys: Mapping[str, str]
    """Secrets, by their variables."""
    changes: tuple[str, ...]
    """What is not as it was, a sentence each."""
    problems: tuple[str, ...]
    """What is to be mended."""


def decide(env: Path, folder: Path, timezone: str, now: float) -> Decided:
    """Read the old files; OSError or FundMailError where the .env cannot be used."""
    old, problems = read_env(env, folder), list[str]()
    lacking = [key for key in _NEEDED if not old.get(key)]
    if lacking:
        problems.append(f"{enumeration(lacking)}: missing in {env.name}; put the values into {SETTINGS} and .env.")
    last = _last_time(env, old, now, problems)
    remote, local = _folders(env, old, problems)
    # The old tool delivered all mails up to the second of its position, and that mail itself.
    since = datetime.fromtimestamp(int(last) + 1, UTC).isoformat()
    start = written_start(Hour.containing(last, timezone).start, timezone)
    head = _SETTINGS.format(source=json.dumps(env.name), timezone=timezone, start=start)
    sections = _MAILBOXES.format(
        address=_text(_checked(old, "EMAIL_ID", "fund@example.com", check_mail_address, problems)),
        tenant=_text(old.get("TENANT_ID") or "tenant"),
        client=_text(old.get("CLIENT_ID") or "client"),
        old_timezone=OLD_TIMEZONE,
        since=_text(since),
        host=_text(_checked(old, "HOST", "files.example.com", check_host, problems)),
        port=_port(old, problems),
        user=_text(old.get("SFTP_ID") or "user"),
        folder=_text(remote),
    )
    keys = _keys(old, problems)
    return Decided(head, sections, keys, tuple(_changes(env, old, local)), tuple(problems))


def write(decided: Decided, folder: Path, *, dry: bool) -> list[Outcome]:
    """Write the secrets, then the settings; what is there and differs is left alone."""
    outcomes = [write_env(folder / ".env", decided.keys, "fund_mail's .env", dry=dry)] if decided.keys else []
    return [*outcomes, write_file(folder / SETTINGS, f"{decided.head}\n{decided.sections}".encode(), dry=dry)]


def read_env(env: Path, folder: Path) -> dict[str, str]:
    """Return what the old file says."""
    if env.resolve() == (folder / ".env").resolve():
        raise FundMailError(
            "it would be changed, since the new secrets go to a file of this name; choose another --out"
        )
    text = env.read_bytes().decode("utf-8-sig", "replace")
    old = {
        key: value.strip() for key, value in dotenv_values(stream=StringIO(text), interpolate=False).items() if value
    }
    if not old.keys() & _TAKEN:
        raise FundMailError("it names neither a mailbox nor a server; is it the right file?")
    return old


def _last_time(env: Path, old: Mapping[str, str], now: float, problems: list[str]) -> float:
    """Return when the last mail was received that the old tool delivered."""
    places = [Path(old[key]) for key in ("DATA_DIR", "BASE_DIR") if key in old]
    found = next((one for one in (*places, env.parent, env.parent / "data") if (one / LAST_TIME).is_file()), None)
    midnight = datetime.fromtimestamp(now, ZoneInfo(OLD_TIMEZONE)).replace(hour=0, minute=0, second=0, microsecond=0)
    if found is None:
        problems.append(
            f"{LAST_TIME} is not found: put it beside {env.name}, remove what was written and move over again. Without "
            "it, delivering begins with the mails of today, as the old tool did."
        )
        return midnight.timestamp() - 1
    try:
        return min(_moment(json.loads((found / LAST_TIME).read_text("utf-8-sig"))), now)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        problems.append(
            f"{found / LAST_TIME} does not say when the last mail came ({type(error).__name__}): delivering begins "
            "with the mails of today. Set `start` and `since` to that time if you know it from the last database."
        )
        return midnight.timestamp() - 1


def _moment(content: Any) -> float:
    moment = datetime.fromisoformat(content["last_fetch_time"])
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _folders(env: Path, old: Mapping[str, str], problems: list[str]) -> tuple[str, str | None]:
    """Return the folder on the server, and that on the old machine where it is named.

    Earlier versions of the old tool had one BASE_DIR, which is either.
    """
    base, remote = old.get("BASE_DIR"), old.get("SFTP_BASE_DIR")
    is_local = base is not None and (bool(PureWindowsPath(base).drive) or Path(base).is_dir())
    if remote is None and base is not None and not is_local:
        remote = base
    if remote is None:
        problems.append(f"{env.name} names no folder on the server: set `folder`, which is / now.")
    return remote or "/", old.get("DATA_DIR") or (base if is_local else None)


def _checked(old: Mapping[str, str], key: str, otherwise: str, check: Any, problems: list[str]) -> str:
    """Return a value that settings take, or another one where they do not."""
    if key not in old:
        return otherwise
    try:
        return str(check(old[key]))
    except ValueError:
        problems.append(f"{key} is not usable: write the right value instead of {otherwise}.")
        return otherwise


def _port(old: Mapping[str, str], problems: list[str]) -> int:
    text = old.get("PORT", "22")
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 65_535:
        return int(text)
    problems.append("PORT is no port: 22 is taken; correct it.")
    return 22


def _keys(old: Mapping[str, str], problems: list[str]) -> dict[str, str]:
    keys = {variable: old[key] for key, variable in SECRETS.items() if old.get(key)}
    read_back = dotenv_values(stream=StringIO("".join(env_line(name, value) for name, value in keys.items())))
    odd = [name for name, value in keys.items() if read_back.get(name) != value]
    if odd:
        problems.append(f"{enumeration(odd)}: has characters that no .env file can hold; set it in another way.")
    return {name: value for name, value in keys.items() if name not in odd}


def _changes(env: Path, old: Mapping[str, str], local: str | None) -> Iterator[str]:
    """Say what is not as it was."""
    yield "Databases lie in the folder itself, their attachments beneath yyyy_mm_dd/; save_folder says where."
    yield "email_id is the immutable id, which stays when a mail is moved; the old tool wrote another."
    yield "Who, to whom and what is empty where a mail does not say it, instead of a Korean word for that."
    yield "All attachments are delivered: small and inline ones, and mails within mails, too."
    yield "kst_time is written like 2021-07-19 07:50:53.360111."
    yield "Mails up to the second of the old position are not delivered again."
    if stat.S_IMODE(env.stat().st_mode) & 0o044:
        yield f"{env.name} can be read by others on this machine; consider new secrets."
    if local:
        yield f"What lies in {local} stays there; `mailevents deliver --day` makes a day anew."
    yield from (f"{key}: not needed any more; {why}." for key, why in NOT_NEEDED.items() if key in old)
    if unknown := sorted(old.keys() - {*_TAKEN, *NOT_NEEDED}):
        yield f"{', '.join(map(shown, unknown))}: not known to the old tool; left out."


def _text(value: str) -> str:
    """Return the value in YAML; a dollar sign would name a variable."""
    return json.dumps(value.replace("$", "$$"), ensure_ascii=False)
