"""``python -m multiflexi.environ`` prints the reference page of all settings."""

import sys

from . import EXIT_CONFIG, SettingsError
from .reference import markdown


def main() -> int:
    """Write the page to standard output."""
    try:
        from multiflexi.settings import declared
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_CONFIG
    sys.stdout.write("\n".join(markdown(declared)) + "\n")
    return 0


sys.exit(main())
