"""Configuration from the environment and one file. No Django here: it also answers where settings are broken."""

from .database import CONNECTIONS, databases, require_database
from .declare import ROLES, Setting, group, role_name
from .envfile import EnvFile, read_env_file
from .errors import EXIT_CONFIG, RequiredSettingsMissing, SettingsError, SettingsFileError
from .store import file_values, load_settings, reload_settings, role_value, state, use_file, value

__all__ = [
    "CONNECTIONS",
    "EXIT_CONFIG",
    "ROLES",
    "EnvFile",
    "RequiredSettingsMissing",
    "Setting",
    "SettingsError",
    "SettingsFileError",
    "databases",
    "file_values",
    "group",
    "load_settings",
    "read_env_file",
    "reload_settings",
    "require_database",
    "role_name",
    "role_value",
    "state",
    "use_file",
    "value",
]
