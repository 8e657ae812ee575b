"""From a file to Settings: where it is, reading it, checking it as a whole, filling in what accounts leave out."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Final

from dotenv import load_dotenv
from pydantic import ValidationError

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.settings.alert_checks import check_alerts
from mailevents_dagster.settings.checks import Draft, check_all
from mailevents_dagster.settings.models import AccountEntry, AccountSettings, Settings, SettingsFile
from mailevents_dagster.settings.problems import Problem, Problems, SettingsError, display
from mailevents_dagster.settings.sentences import add_sentences
from mailevents_dagster.settings.values import SIMULATOR, absolute_storage, start_of
from mailevents_dagster.settings.variables import fill
from mailevents_dagster.settings.yaml_file import read_yaml
from mailevents_dagster.sources.catalog import FEED_KINDS

FILE_NAME: Final = "mailevents.yaml"
VARIABLE: Final = "MAILEVENTS_CONFIG"
DEMO: Final = {
    "timezone": "Europe/Istanbul",
    "start": "2026-11-01T00:00",
    "storage": "data",
    "api": {"base_url": SIMULATOR, "requests_per_second": 500},
    "accounts": [{"domain": domain, "feeds": list(FEED_KINDS)} for domain in ("kuzey.example", "deniz.example")],
}


def load_project() -> Settings:
    """The settings that are found, with the .env beside them in the environment; what stands there already counts."""
    file = _found(os.environ)
    keys = (file.parent if file else project_folder()) / ".env"
    try:
        load_dotenv(keys, override=False)
    except OSError as error:
        why = f"cannot be read ({error.strerror}); it must belong to whoever runs this, or be readable by them"
        raise SettingsError([Problem("", why)], str(keys)) from error
    return load_settings(file)


def load_settings(
    path: Path | None = None, environ: Mapping[str, str] = os.environ, now: float | None = None
) -> Settings:
    """The settings of a file: the given one, or the one that is found; with no file, those of the demo.

    Raises SettingsError with all problems at once. `now` is the time that `start` must not lie after.
    """
    file = _absolute(str(path)) if path else _found(environ)
    problems = Problems(display(file))
    if file is None:
        # Whoever runs the demo has nothing to mend where a clock is wrong.
        return _settings(DEMO, None, project_folder(), environ, None, problems)
    values = read_yaml(file, problems)
    if not isinstance(values, dict):
        what = "is empty" if values is None else "is no mapping of keys such as `timezone:`"
        problems.add((), f"{what}; write `start:` and `accounts:` at least, as mailevents.example.yaml shows")
        problems.raise_any()
    return _settings(values, file, file.parent, environ, time.time() if now is None else now, problems)


def home(settings: Settings, environ: MutableMapping[str, str] = os.environ) -> Path:
    """Where Dagster keeps its records: what DAGSTER_HOME names, else .dagster beside the settings, made where needed.

    A new one gets the dagster.yaml of the checkout, as `make` does it.
    """
    named = environ.get("DAGSTER_HOME", "").strip()
    folder = (
        _absolute(named) if named else (settings.source.parent if settings.source else project_folder()) / ".dagster"
    )
    folder.mkdir(parents=True, exist_ok=True)
    file, model = folder / "dagster.yaml", project_folder() / "dagster.yaml"
    if not file.exists() and model.exists():
        shutil.copyfile(model, file)
    environ["DAGSTER_HOME"] = str(folder)
    return folder


def project_folder() -> Path:
    """The folder of the checkout, known by its workspace.yaml; else the current one."""
    above = Path(__file__).absolute().parents[2]
    return above if (above / "workspace.yaml").is_file() else Path.cwd()


def _found(environ: Mapping[str, str]) -> Path | None:
    named = environ.get(VARIABLE, "").strip()
    if named:
        return _absolute(named)
    file = project_folder() / FILE_NAME
    # A link to nowhere is a mistake, not the wish for a demo.
    return file if os.path.lexists(file) else None


def _absolute(name: str) -> Path:
    # Unlike Path.expanduser, this leaves an unknown user's ~ alone, and the file is simply not there.
    return Path(os.path.expanduser(name)).absolute()


def _settings(
    values: object,
    source: Path | None,
    folder: Path,
    environ: Mapping[str, str],
    now: float | None,
    problems: Problems,
) -> Settings:
    values = fill(values, environ, problems)
    try:
        SettingsFile.model_validate(values)
    except ValidationError as error:
        add_sentences(error, problems)
    draft = Draft(values, problems)
    check_all(draft, folder, environ, now)
    check_alerts(draft, environ)
    problems.raise_any()
    return _resolved(SettingsFile.model_validate(values), source, folder)


def _resolved(file: SettingsFile, source: Path | None, folder: Path) -> Settings:
    start = start_of(file.start, file.timezone, None)
    return Settings(
        timezone=file.timezone,
        start=start,
        storage=absolute_storage(file.storage, folder),
        log_file_name=file.log_file_name,
        log_file_mode=int(file.log_file_mode, base=8) if file.log_file_mode else None,
        api=file.api,
        collect=file.collect,
        automation=file.automation,
        summaries=file.summaries,
        operating_logs=file.operating_logs,
        retention=file.retention,
        alerts=file.alerts,
        accounts=tuple(_account(file, entry, start) for entry in file.accounts),
        source=source,
    )


def _account(file: SettingsFile, entry: AccountEntry, start: int) -> AccountSettings:
    base_url = entry.base_url or file.api.base_url
    own_rate = "requests_per_second" in entry.model_fields_set
    return AccountSettings(
        domain=entry.domain,
        api_key_variable=None if base_url == SIMULATOR else entry.api_key,
        feeds=tuple(Feed(entry.domain, FEED_KINDS[name]) for name in entry.feeds),
        start=start_of(entry.start, file.timezone, None) if entry.start else start,
        base_url=base_url,
        requests_per_second=entry.requests_per_second if own_rate else file.api.requests_per_second,
        max_parallel_details=entry.max_parallel_details or file.api.max_parallel_details,
        sections=entry.sections,
    )
