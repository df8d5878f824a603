"""`multiflexi-web`: the server of pages and APIs."""

from __future__ import annotations

import argparse
import logging
import os
import socket
import sys
from collections.abc import Sequence

from multiflexi import __version__, environ
from multiflexi.environ import EXIT_CONFIG, SettingsError
from multiflexi.executors.native.process import forbid_dumps

NAME = "multiflexi-web"
ROLE = "web"
# Whoever scans for weak sites would fill the log with lines that multiflexi.http.request_log writes anyway.
QUIETER = {"django.request": logging.ERROR, "django.security": logging.CRITICAL}


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until asked to stop; exit status of the process: 78 with one line for an unusable setting."""
    arguments = make_parser().parse_args(argv)
    try:
        if arguments.environment:
            environ.use_file(arguments.environment)
        if arguments.check_config:
            return environ.check_config()
        _prepare()
        _check_secret_key()
        _check_setup_code()
    except SettingsError as error:
        sys.stderr.write(f"{NAME}: {error}\n")
        return EXIT_CONFIG
    from multiflexi.serving.gunicorn import Server

    return Server().serve()


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(NAME, description="Serve pages and APIs over HTTP.", allow_abbrev=False)
    parser.add_argument("-e", "--environment", metavar="FILE", help="settings file")
    parser.add_argument("--check-config", action="store_true", help="show the settings in effect and exit")
    parser.add_argument("-V", "--version", action="version", version=f"{NAME} {__version__}")
    return parser


def _prepare() -> None:
    """Load settings, Django and logging; raises SettingsError."""
    # First of all, because jobs of an earlier process may be watching, and the environment may hold secrets.
    forbid_dumps()
    environ.keep_from_others()
    # Whatever the caller's environment names: the settings of daemons know no pages.
    os.environ["DJANGO_SETTINGS_MODULE"] = "multiflexi.serving.settings"
    from django.conf import settings

    _ = settings.INSTALLED_APPS
    environ.require_database()
    import django

    from multiflexi.monitoring import logs

    django.setup()
    if settings.CACHE_URL:
        from multiflexi.services import rate_redis

        # Refuses a wrong setting or a missing library here and not at the first request.
        rate_redis.connected(settings.CACHE_URL)
    logs.configure_from_settings(ROLE, socket.gethostname())
    for name, level in QUIETER.items():
        logging.getLogger(name).setLevel(level)


def _check_secret_key() -> None:
    """Without a key nobody could sign in, so that is said before the first request. Raises SettingsError."""
    from django.conf import settings
    from django.db import DatabaseError, connections

    from multiflexi.vault import keyring
    from multiflexi.vault.errors import VaultError

    try:
        _ = len(settings.SECRET_KEY)
    except DatabaseError:
        # A database that is away comes back; /readyz tells about it until then.
        return
    except VaultError as error:
        raise SettingsError(str(error), "ENCRYPTION_MASTER_KEY") from None
    finally:
        connections.close_all()
        keyring.forget()


def _check_setup_code() -> None:
    """A code that can be guessed must not open /setup/. Raises SettingsError."""
    from multiflexi.services import first_administrator

    first_administrator.configured()


if __name__ == "__main__":
    sys.exit(main())
