"""Rules in a file, to see what they would change before they stand in the settings."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from mailevents_dagster.settings.problems import Problems
from mailevents_dagster.settings.sentences import add_sentences
from mailevents_dagster.settings.yaml_file import read_yaml
from mailevents_dagster.sources.outcomes.settings.suppression import SuppressionRules


def rules_in(path: Path) -> SuppressionRules:
    """Return the rules of a file with the keys of `suppression` in the settings; SettingsError with all faults."""
    problems = Problems(str(path))
    values = read_yaml(path, problems)
    if isinstance(values, dict) and list(values) == ["suppression"]:
        values = values["suppression"]
    if not isinstance(values, dict):
        problems.add((), "is not a mapping of keys such as `soft:`; docs/suppression.md shows them")
    problems.raise_any()
    try:
        return SuppressionRules.model_validate(values)
    except ValidationError as error:
        add_sentences(error, SuppressionRules, problems)
    problems.raise_any()
    raise AssertionError("an error of a model is a problem")
