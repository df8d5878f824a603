"""What can be wrong with the configuration; every text is one line and never holds a secret."""

from __future__ import annotations

from collections.abc import Sequence

EXIT_CONFIG = 78
"""Exit status of every program when a setting is missing or unusable (EX_CONFIG of sysexits.h)."""


class SettingsError(Exception):
    """A setting is unusable; the text names the key, its source, the rule and the way out."""

    def __init__(self, message: str, key: str = "") -> None:
        super().__init__(" ".join(message.split()))
        self.key = key


class SettingsFileError(SettingsError):
    """A settings file somebody named cannot be read; the command line turns it into exit 2."""


class RequiredSettingsMissing(SettingsError):
    """Settings without default are absent; ``keys`` are their names."""

    def __init__(self, keys: Sequence[str], message: str) -> None:
        super().__init__(message, keys[0] if keys else "")
        self.keys = tuple(keys)
