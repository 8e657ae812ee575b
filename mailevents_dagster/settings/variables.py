"""`${NAME}` in settings. No message here ever holds a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from mailevents_dagster.settings.problems import Place, Problems

VARIABLE_PATTERN: Final = r"^\$\{[A-Za-z_][A-Za-z0-9_]*\}$"

_REFERENCE: Final = re.compile(r"\$\$|\$\{([^}]*)(\}?)")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOT_TEXT: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def fill(value: object, environ: Mapping[str, str], problems: Problems, place: Place = ()) -> object:
    """Return the value with every `${NAME}` replaced; secrets stay as written, for their values never enter."""
    if isinstance(value, dict):
        return {str(key): fill(inner, environ, problems, (*place, str(key))) for key, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner, environ, problems, (*place, index)) for index, inner in enumerate(value)]
    if not isinstance(value, str) or (place and place[-1] in problems.secrets):
        return value
    if not is_plain(value):
        problems.add(place, "has a line break or control character in it; write it on one line without them")
    return _REFERENCE.sub(lambda found: _value(found, environ, problems, place), value)


def is_plain(text: str) -> bool:
    """Return whether the text has no line breaks, control characters or halves of characters."""
    return not _NOT_TEXT.search(text)


def secret_variable(text: str) -> str:
    """Return the NAME of a text that is `${NAME}` and nothing else."""
    if not re.fullmatch(VARIABLE_PATTERN, text) or text.endswith("\n"):
        raise ValueError(
            "is not `${NAME}`; a secret never stands in this file: put it into an environment variable and write "
            "`${NAME}` with its name here"
        )
    return text[2:-1]


def _value(found: re.Match[str], environ: Mapping[str, str], problems: Problems, place: Place) -> str:
    name, closed = found[1], found[2]
    if name is None:
        return "$"
    if not closed or not _NAME.fullmatch(name):
        problems.add(place, "`${` must be followed by the name of a variable and `}`; write `$${` for the text itself")
        return ""
    value = environ.get(name, "")
    if not value.strip():
        problems.add(place, f"the environment variable {name} is not set or empty; set it, or write the value here")
    elif not is_plain(value):
        problems.add(place, f"the environment variable {name} holds line breaks or control characters; take them out")
    return value
