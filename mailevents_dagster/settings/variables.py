"""`${NAME}` in settings, and the keys that come from the environment. No message here ever holds a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from mailevents_dagster.settings.problems import SECRET_KEYS, Place, Problems
from mailevents_dagster.settings.yaml_file import is_plain

VARIABLE_PATTERN: Final = r"^\$\{[A-Za-z_][A-Za-z0-9_]*\}$"
MIN_KEY_LENGTH: Final = 8

_REFERENCE: Final = re.compile(r"\$\$|\$\{([^}]*)(\}?)")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_STAND_IN: Final = re.compile(
    r"(?:api|auth|bearer|change|dummy|enter|example|fake|fill|here|insert|it|key|me|my|none|null|password|paste|"
    r"placeholder|put|replace|sample|secret|some|tbd|test|the|this|todo|token|undefined|uzmanposta|value|with|x|your)*"
    r"[0-9]{0,10}"
)
"""A text made of these words alone, and a number perhaps, was never given out as a key."""


def fill(value: object, environ: Mapping[str, str], problems: Problems, place: Place = ()) -> object:
    """The value with every `${NAME}` replaced; secrets stay as written, for their values never enter."""
    if isinstance(value, dict):
        return {key: fill(inner, environ, problems, (*place, key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner, environ, problems, (*place, index)) for index, inner in enumerate(value)]
    if isinstance(value, str) and not (place and place[-1] in SECRET_KEYS):
        return _filled(value, environ, problems, place)
    return value


def variable_of(text: str) -> str:
    """The NAME of a text that is `${NAME}` and nothing else; ValueError otherwise."""
    if not _is_variable(text):
        raise ValueError(
            "is not `${NAME}`; a key never stands in this file: put it into an environment variable such as "
            "UZMANPOSTA_KEY_EXAMPLE_COM and write `${UZMANPOSTA_KEY_EXAMPLE_COM}` here"
        )
    return text[2:-1]


def secret_variable_of(text: str) -> str:
    """The NAME of a text that is `${NAME}` and nothing else; ValueError otherwise."""
    if not _is_variable(text):
        raise ValueError(
            "is not `${NAME}`; a secret never stands in this file: put it into an environment variable and write "
            "`${NAME}` with its name here"
        )
    return text[2:-1]


def key_fault(variable: str, environ: Mapping[str, str]) -> str | None:
    """What is wrong with the key in the variable, or None."""
    value = environ.get(variable, "")
    if not value.strip():
        return f"the environment variable {variable} is not set or empty; put the API key of the domain into it"
    if re.search(r"[^!-~]", value):
        return (
            f"the key in {variable} has spaces, line breaks or characters that no key has; copy the key alone into it"
        )
    if value[0] in "\"'`" or value[-1] in "\"'`":
        return f"the key in {variable} has quotes around it; take them off"
    if _is_stand_in(value, variable):
        return f"{variable} holds a placeholder, not a key; put the API key of the domain into it"
    if len(value) < MIN_KEY_LENGTH:
        return f"the key in {variable} is shorter than {MIN_KEY_LENGTH} characters; copy the whole key into it"
    return None


def _is_variable(text: str) -> bool:
    return bool(re.fullmatch(VARIABLE_PATTERN, text)) and not text.endswith("\n")


def _is_stand_in(value: str, variable: str) -> bool:
    bare = re.sub(r"[^a-z0-9]", "", value.casefold())
    wrapped = value[0] + value[-1] in ("<>", "{}", "[]", "%%") or value.startswith("${")
    one_character = len(set(value)) == 1
    return wrapped or one_character or value == variable or (len(bare) <= 80 and bool(_STAND_IN.fullmatch(bare)))


def _filled(text: str, environ: Mapping[str, str], problems: Problems, place: Place) -> str:
    def replaced(found: re.Match[str]) -> str:
        name, closed = found[1], found[2]
        if name is None:
            return "$"
        if not closed or not _NAME.fullmatch(name):
            problems.add(
                place, "`${` must be followed by the name of a variable and `}`; write `$${` for the text itself"
            )
            return ""
        value = environ.get(name, "")
        if not value.strip():
            problems.add(place, f"the environment variable {name} is not set or empty; set it, or write the value here")
        elif not is_plain(value):
            problems.add(
                place, f"the environment variable {name} holds line breaks or control characters; take them out"
            )
        return value

    return _REFERENCE.sub(replaced, text)
