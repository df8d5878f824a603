"""Configuration from the environment and one file. No Django here: it also answers where settings are broken."""

from .database import CONNECTIONS, databases, require_database
from .declare import ROLES, Setting, group, role_name
from .envfile import EnvFile, read_env_file
from .errors import EXIT_CONFIG, RequiredSettingsMissing, SettingsError, SettingsFileError
from .privacy import keep_from_others
from .report import Row, as_lines, check_config, report
from .store import (
    file_values,
    is_given,
    load_settings,
    reload_settings,
    role_value,
    secret_texts,
    state,
    use_file,
    value,
)

__all__ = [
    "CONNECTIONS",
    "EXIT_CONFIG",
    "ROLES",
    "EnvFile",
    "RequiredSettingsMissing",
    "Row",
    "Setting",
    "SettingsError",
    "SettingsFileError",
    "as_lines",
    "check_config",
    "databases",
    "file_values",
    "group",
    "is_given",
    "keep_from_others",
    "load_settings",
    "read_env_file",
    "reload_settings",
    "report",
    "require_database",
    "role_name",
    "role_value",
    "secret_texts",
    "state",
    "use_file",
    "value",
]
