"""Which variable names which layer of the environment may set."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from multiflexi import environ
from multiflexi.vault.secrecy import named_like_a_secret

RESERVED_PREFIX = "MULTIFLEXI_"

# What belongs to the platform in the installation's file and never reaches a job.
_PLATFORM = (
    "DB_*",
    "ENCRYPTION_*",
    "MULTIFLEXI_*",
    "DJANGO_*",
    "*_MASTER_KEY",
    "*_MASTER_KEY_*",
    "SECRET_KEY",
    "ZABBIX_PSK*",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_*_HEADERS",
    "EMAIL_*",
    "MAIL_*",
    "MAILER_*",
    "SMTP_*",
    "*BROKER*",
    "AMQP_*",
    "RABBITMQ_*",
    "MQTT_*",
    "NATS_*",
    "REDIS_*",
    "CACHE_URL",
    "DATABASE_URL",
)
# Names that change which code a program loads, where it looks for programs and settings, or as whom it signs in.
_LOADER = frozenset(
    {
        "PATH",
        "HOME",
        "PERLLIB",
        "RUBYOPT",
        "RUBYLIB",
        "CLASSPATH",
        "NODE_OPTIONS",
        "NODE_PATH",
        "JAVA_TOOL_OPTIONS",
        "JDK_JAVA_OPTIONS",
        "_JAVA_OPTIONS",
        "PHPRC",
        "PHP_INI_SCAN_DIR",
        "BASH_ENV",
        "ENV",
        "IFS",
        "SHELLOPTS",
        "BASHOPTS",
        "PS4",
        "GLIBC_TUNABLES",
        "GCONV_PATH",
        "DOCKER_HOST",
        "KUBECONFIG",
        "SSH_AUTH_SOCK",
        "SSH_ASKPASS",
    }
)
_LOADER_PREFIXES = ("LD_", "DYLD_", "BASH_FUNC_", "PYTHON", "PERL5", "GEM_", "BUNDLE_", "OPENSSL_", "GIT_")
_ADDRESS_WITH_PASSWORD = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#\s@]*:[^/?#\s@]+@")


def is_reserved(name: str) -> bool:
    """Whether only the platform itself may set the name."""
    return name.upper().startswith(RESERVED_PREFIX)


def changes_loading(name: str) -> bool:
    """Whether only the definition of the application, approved by an administrator, may set the name."""
    return name in _LOADER or name.startswith(_LOADER_PREFIXES)


def is_possible(name: str) -> bool:
    """Whether an operating system can hand over a variable of this name at all."""
    return bool(name) and "=" not in name and "\0" not in name


def for_jobs(installation: Mapping[str, str], denied: Iterable[str]) -> dict[str, str]:
    """The part of the installation's environment file that jobs may see.

    Left out: the platform's own names, its declared secrets, names that look like a secret, addresses with a password
    inside, names that change loading, and `denied`, which may contain the wildcards * and ?. A job that needs such
    a name gets it from a credential.
    """
    secret_settings = {setting.name for setting in environ.state().declared if setting.secret}
    patterns = (*_PLATFORM, *denied)
    return {
        name: value
        for name, value in installation.items()
        if is_possible(name)
        and name not in secret_settings
        and not changes_loading(name)
        and not named_like_a_secret(name)
        and not any(fnmatchcase(name.upper(), pattern.upper()) for pattern in patterns)
        and not _ADDRESS_WITH_PASSWORD.match(value)
    }
