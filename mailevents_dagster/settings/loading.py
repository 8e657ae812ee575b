"""From a file to Settings: where it is, reading it, and checking it as a whole."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Final

from dotenv import load_dotenv
from pydantic import ValidationError

from mailevents_dagster.model.source import Source
from mailevents_dagster.settings.fields import Context, secret_keys
from mailevents_dagster.settings.models import Settings, settings_model
from mailevents_dagster.settings.problems import Problem, Problems, SettingsError
from mailevents_dagster.settings.sentences import add_sentences
from mailevents_dagster.settings.variables import fill
from mailevents_dagster.settings.yaml_file import read_yaml

FILE_NAME: Final = "mailevents.yaml"
VARIABLE: Final = "MAILEVENTS_CONFIG"


def load_project(sources: Sequence[Source], demo: Mapping[str, object]) -> Settings:
    """Return the settings that are found, with the .env beside them in the environment, which counts before it."""
    file = _found(os.environ)
    keys = (file.parent if file else project_folder()) / ".env"
    try:
        load_dotenv(keys, override=False)
    except OSError as error:
        why = f"cannot be read ({error.strerror}); it must belong to whoever runs this, or be readable by them"
        raise SettingsError([Problem("", why)], str(keys)) from error
    return load_settings(file, sources=sources, demo=demo)


def load_settings(
    path: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    now: float | None = None,
    *,
    sources: Sequence[Source],
    demo: Mapping[str, object],
) -> Settings:
    """Return the settings of a file: the given one, or the one that is found; with no file, those of the demo.

    Raises SettingsError with all problems at once. `now` is the time that `start` must not lie after. The sources are
    those that may have sections in the file.
    """
    known = tuple(sources)
    file = _absolute(str(path)) if path else _found(environ)
    problems = Problems(str(file) if file else f"built-in demo settings (there is no {FILE_NAME})")
    if file is None:
        # Whoever runs the demo has nothing to mend where a clock is wrong.
        return _settings(demo, Context(None, project_folder(), environ, None, known), problems)
    values = read_yaml(file, problems)
    if not isinstance(values, dict):
        what = "is empty" if values is None else "is not a mapping of keys such as `timezone:`"
        problems.add((), f"{what}; write `start:` and for example `accounts:`, as mailevents.example.yaml shows")
        problems.raise_any()
    context = Context(file, file.parent, environ, time.time() if now is None else now, known)
    return _settings(values, context, problems)


def home(settings: Settings, environ: MutableMapping[str, str] = os.environ) -> Path:
    """Return where Dagster keeps its records: what DAGSTER_HOME names, else .dagster beside the settings.

    A new one is made, and gets the dagster.yaml of the checkout, as `make` does it.
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
    """Return the folder of the checkout, known by its workspace.yaml; else the current one."""
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


def _settings(values: object, context: Context, problems: Problems) -> Settings:
    model = settings_model(context.sources)
    problems.secrets = secret_keys(model)
    try:
        settings = model.model_validate(fill(values, context.environ, problems), context=context)
    except ValidationError as error:
        add_sentences(error, model, problems)
    problems.raise_any()
    return settings
