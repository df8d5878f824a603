#!/usr/bin/env python
"""Django's own commands, for developers; people use `multiflexi-cli`."""

import os
import sys

from django.conf import settings
from django.core.management import execute_from_command_line

from multiflexi import environ

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "multiflexi.serving.settings")
    environ.keep_from_others()
    try:
        if sys.argv[1:2] == ["migrate"]:
            _ = settings.INSTALLED_APPS
            environ.require_database(create=True)
        execute_from_command_line(sys.argv)
    except environ.SettingsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(environ.EXIT_CONFIG)
