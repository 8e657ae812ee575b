"""Settings: the YAML file as frozen models. Every error names the key and the fix, and all errors come at once.

`models` says what the file may hold, its sections are in `collecting`, `keeping` and `alerting`; `loading` turns it
into Settings; the other modules each know one kind of value or one step on the way. Secrets never enter the models:
they hold the name of the variable that holds the key.
"""

from mailevents_dagster.settings.alerting import AlertMailSettings, AlertSettings
from mailevents_dagster.settings.collecting import ApiSettings, AutomationSettings, CollectSettings
from mailevents_dagster.settings.keeping import LegalHold, OperatingLogSettings, RetentionSettings
from mailevents_dagster.settings.loading import home, load_project, load_settings
from mailevents_dagster.settings.models import AccountSettings, Settings
from mailevents_dagster.settings.problems import Problem, SettingsError
from mailevents_dagster.settings.schema import json_schema
from mailevents_dagster.settings.values import SIMULATOR, start_of

__all__ = [
    "SIMULATOR",
    "AccountSettings",
    "AlertMailSettings",
    "AlertSettings",
    "ApiSettings",
    "AutomationSettings",
    "CollectSettings",
    "LegalHold",
    "OperatingLogSettings",
    "Problem",
    "RetentionSettings",
    "Settings",
    "SettingsError",
    "home",
    "json_schema",
    "load_project",
    "load_settings",
    "start_of",
]
