"""What sections of the settings are made of: a model that refuses unknown keys, and values that say what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

from mailevents_dagster.model.source import Source
from mailevents_dagster.settings.log_names import check_operating_log_name
from mailevents_dagster.settings.values import check_mail_address, moment_of, start_of
from mailevents_dagster.settings.variables import VARIABLE_PATTERN, secret_variable


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class Context:
    """What values are judged by beside themselves, where they come from a file."""

    source: Path | None
    folder: Path
    environ: Mapping[str, str]
    now: float | None
    sources: tuple[Source, ...]
    above: dict[str, Any] = field(default_factory=dict)
    """Right values that stand further up in the file and that later ones are judged by, by their keys."""


class FaultError(ValueError):
    """What is wrong as a sentence of its own; that of any other ValueError follows the quoted value."""


def refuse(wrong: Iterable[tuple[str, str]]) -> None:
    """Raise what is wrong with keys of a section, each by its name, unless there is nothing."""
    errors = [
        InitErrorDetails(type="value_error", loc=(k,), input=None, ctx={"error": FaultError(w)}) for k, w in wrong
    ]
    if errors:
        raise ValidationError.from_exception_data("settings", errors)


def _note(value: Any, info: ValidationInfo[Context | None]) -> Any:
    if info.context and info.field_name:
        info.context.above[info.field_name] = value
    return value


def _not_a_truth_value(value: object) -> object:
    # Pydantic takes true for 1 and "yes" for true; a file that says so is a mistake.
    if isinstance(value, bool):
        raise PydanticCustomError("number_type", "not a number")
    return value


def _truth_value(value: object) -> object:
    words = {"true": True, "false": False}
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    if not isinstance(value, bool):
        raise PydanticCustomError("truth_type", "not true or false")
    return value


def _hour_start(value: object, info: ValidationInfo[Context], now: float | None) -> int:
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "not text")
    timezone = info.context.above.get("timezone")
    # Where the time zone is wrong, it is enough that this is a date.
    return start_of(value, timezone, now) if timezone else int(moment_of(value).timestamp())


def in_folder(path: str, info: ValidationInfo[Context]) -> str:
    """Return a path seen from the folder of the settings file."""
    return str(info.context.folder / Path(path).expanduser())


def _any_hour_start(value: object, info: ValidationInfo[Context]) -> int:
    return _hour_start(value, info, None)


def past_hour_start(value: object, info: ValidationInfo[Context]) -> int:
    """Return the Unix time of an hour that is written in the time zone of the settings and lies in the past."""
    return _hour_start(value, info, info.context.now)


def secret_in(variable: str, environ: Mapping[str, str]) -> str:
    """Return the secret that a variable of the environment holds."""
    value = environ.get(variable, "")
    if not value.strip():
        raise FaultError(f"the environment variable {variable} is not set or empty; put the secret into it")
    return value


def _is_set(variable: str, info: ValidationInfo[Context]) -> str:
    secret_in(variable, info.context.environ)
    return variable


def check_secret_variable(text: str, info: ValidationInfo[Context]) -> str:
    """Return the name of a variable that is written as ${NAME} and holds a secret."""
    return _is_set(secret_variable(text), info)


NOTED: Final = AfterValidator(_note)
"""Keeps the value for others to be judged by."""
NO_TRUTH_VALUE: Final = BeforeValidator(_not_a_truth_value)
"""Stands last in an annotation: bounds written after it would miss the JSON Schema."""
YesNo = Annotated[bool, BeforeValidator(_truth_value)]
Moment = Annotated[int, PlainValidator(_any_hour_start), WithJsonSchema({"type": "string"})]
PastMoment = Annotated[int, PlainValidator(past_hour_start), WithJsonSchema({"type": "string"})]
"""An hour, written in the time zone of the settings and kept as the Unix time of its start."""
OperatingLogName = Annotated[str, AfterValidator(check_operating_log_name)]
FilesKept = Annotated[int, Field(ge=1, le=10_000), NO_TRUTH_VALUE]
FilePath = Annotated[str, Field(min_length=1), AfterValidator(in_folder)]
OF_VARIABLE: Final = "the name of a variable"
"""Marks what holds the name of a variable with a secret, which stays as it is written."""
SecretVariable = Annotated[
    str, AfterValidator(secret_variable), OF_VARIABLE, Field(json_schema_extra={"pattern": VARIABLE_PATTERN})
]
Secret = Annotated[SecretVariable, AfterValidator(_is_set)]
"""The name of an environment variable that holds a secret."""
MailAddress = Annotated[str, AfterValidator(check_mail_address)]
Days = Annotated[int, Field(ge=1, le=3660), NO_TRUTH_VALUE]


@cache
def secret_keys(model: type[BaseModel]) -> frozenset[str]:
    """Return the keys whose values are names of variables, which hold secrets; those of sections in it, too.

    The JSON Schema says the same, but takes longer to make than settings take to load.
    """
    fields = model.model_fields.items()
    parts = {field.alias or name: [*field.metadata, *_parts(field.annotation)] for name, field in fields}
    sections = [part for of in parts.values() for part in of if isinstance(part, type) and issubclass(part, BaseModel)]
    return frozenset(key for key, of in parts.items() if OF_VARIABLE in of).union(*map(secret_keys, sections))


def _parts(kind: object) -> Iterator[object]:
    """Yield a type, and what it is made of."""
    yield kind
    for part in get_args(kind):
        yield from _parts(part)
