"""What sections of the settings are made of: a model that takes nothing it does not know, and values with bounds."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from mailevents_dagster.settings.log_names import check_operating_log_name
from mailevents_dagster.settings.values import (
    LOG_FILE_MODE,
    check_base_url,
    check_feed,
    check_log_file_mode,
    check_mail_address,
    check_moment,
)
from mailevents_dagster.settings.variables import VARIABLE_PATTERN, secret_variable_of, variable_of
from mailevents_dagster.sources.catalog import FEED_KINDS


def _no_truth_value(value: object) -> object:
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


def _mode_written(value: object) -> object:
    # Without quotes YAML takes 0640 for a number in base eight, and 640 for one in base ten; neither can be the other.
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if re.fullmatch(LOG_FILE_MODE, str(value)) else f"0{value:o}"
    return value


NO_TRUTH_VALUE: Final = BeforeValidator(_no_truth_value)
"""Stands last in an annotation: bounds written after it would miss the JSON Schema."""
YesNo = Annotated[bool, BeforeValidator(_truth_value)]
BaseUrl = Annotated[str, AfterValidator(check_base_url)]
Moment = Annotated[str, AfterValidator(check_moment)]
FeedName = Annotated[str, AfterValidator(check_feed), Field(json_schema_extra={"enum": list(FEED_KINDS)})]
OperatingLogName = Annotated[str, AfterValidator(check_operating_log_name)]
FilesKept = Annotated[int, Field(ge=1, le=10_000), NO_TRUTH_VALUE]
KeyVariable = Annotated[str, AfterValidator(variable_of), Field(json_schema_extra={"pattern": VARIABLE_PATTERN})]
SecretVariable = Annotated[
    str, AfterValidator(secret_variable_of), Field(json_schema_extra={"pattern": VARIABLE_PATTERN})
]
LogFileMode = Annotated[
    str,
    BeforeValidator(_mode_written),
    AfterValidator(check_log_file_mode),
    Field(json_schema_extra={"pattern": f"^({LOG_FILE_MODE})$"}),
]
MailAddress = Annotated[str, AfterValidator(check_mail_address)]
Rate = Annotated[float, Field(ge=0.01, le=1000, allow_inf_nan=False), NO_TRUTH_VALUE]
Parallel = Annotated[int, Field(ge=1, le=64), NO_TRUTH_VALUE]
Days = Annotated[int, Field(ge=1, le=3660), NO_TRUTH_VALUE]


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
