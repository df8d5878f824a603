"""Daemons and the command line know nothing of the web: its libraries would cost them memory and time to start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WEB = {
    "rest_framework",
    "oauth2_provider",
    "oauthlib",
    "drf_spectacular",
    "whitenoise",
    "gunicorn",
    "qrcode",
    "fpdf",
    "PIL",
    "ttf_opensans",
}
LOAD = """
import importlib, pkgutil, sys
import daemons, multiflexi.cli
import django
django.setup()
for package in (daemons, multiflexi.cli):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(found.name)
print(*sorted({name.split(".")[0] for name in sys.modules}))
"""


@pytest.mark.django_db
def test_no_daemon_and_no_command_loads_what_the_web_needs(process_environment: dict[str, str]):
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        cwd=ROOT,
        env=process_environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    loaded = set(done.stdout.split())
    assert "click" in loaded
    assert loaded & WEB == set()
