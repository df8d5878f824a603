"""The command line all daemons have in common."""

from __future__ import annotations

import argparse

from multiflexi import __version__


def build_parser(role: str, description: str) -> argparse.ArgumentParser:
    """Parser of ``multiflexi-<role>``; a daemon may add options of its own.

    The namespace has environment, check_config, once (None = the setting decides) and name.
    """
    parser = argparse.ArgumentParser(f"multiflexi-{role}", description=description, allow_abbrev=False)
    parser.add_argument("-e", "--environment", metavar="FILE", help="settings file")
    parser.add_argument("--check-config", action="store_true", help="show the settings in effect and exit")
    parser.add_argument("--name", help=f"name of this instance, instead of MULTIFLEXI_{role.upper()}_NAME")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--once", "--no-daemonize", action="store_true", default=None, help="run one cycle and exit")
    mode.add_argument("--daemon", "--daemonize", action="store_false", dest="once", help="loop, whatever is configured")
    parser.add_argument("-V", "--version", action="version", version=f"%(prog)s {__version__}")
    return parser
