"""Settings: the YAML file as frozen models. Every error names the key and the fix, and all errors come at once.

`models` says what the file may hold, with its sections in `sections`, `alerting` and the `settings` of each source;
`loading` reads it; the other modules each know one kind of value or one step on the way. Secrets never enter the
models: they hold the name of the variable that holds the key.
"""

from mailevents_dagster.settings.alerting import AlertMailSettings, AlertSettings
from mailevents_dagster.settings.loading import home
from mailevents_dagster.settings.mails import MailSettings
from mailevents_dagster.settings.models import DEFAULT_LOG_FILE_NAME, Settings
from mailevents_dagster.settings.problems import Problem, SettingsError
from mailevents_dagster.settings.reporting import ReportMailSettings
from mailevents_dagster.settings.sections import OperatingLogSettings
from mailevents_dagster.settings.values import start_of

__all__ = [
    "DEFAULT_LOG_FILE_NAME",
    "AlertMailSettings",
    "AlertSettings",
    "MailSettings",
    "OperatingLogSettings",
    "Problem",
    "ReportMailSettings",
    "Settings",
    "SettingsError",
    "home",
    "start_of",
]
