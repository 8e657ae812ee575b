"""What can be a key of the API, so that a placeholder is told before it is sent. No message holds a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

MIN_KEY_LENGTH: Final = 8

_STAND_IN: Final = re.compile(
    r"(?:api|auth|bearer|change|dummy|enter|example|fake|fill|here|insert|it|key|me|my|none|null|password|paste|"
    r"placeholder|put|replace|sample|secret|some|tbd|test|the|this|todo|token|undefined|uzmanposta|value|with|x|your)*"
    r"[0-9]{0,10}"
)
"""A text made of these words alone, and a number perhaps, was never given out as a key."""


def key_fault(variable: str, environ: Mapping[str, str]) -> str | None:
    """Return what is wrong with the key in the variable."""
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


def _is_stand_in(value: str, variable: str) -> bool:
    bare = re.sub(r"[^a-z0-9]", "", value.casefold())
    wrapped = value[0] + value[-1] in ("<>", "{}", "[]", "%%") or value.startswith("${")
    one_character = len(set(value)) == 1
    return wrapped or one_character or value == variable or (len(bare) <= 80 and bool(_STAND_IN.fullmatch(bare)))
