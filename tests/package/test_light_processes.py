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
# Nor do they load Django's own parts of it.
PAGES = {"django.forms.fields", "django.template.base", "django.http.request"}
LOAD = """
import importlib, pkgutil, sys
import daemons, multiflexi.cli
from multiflexi import pageless
pageless.set_up()
for package in (daemons, multiflexi.cli):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(found.name)
print(*{name if name.startswith("django.") else name.split(".")[0] for name in sys.modules})
"""
ASK_FOR_A_FORM = """
import sys
from multiflexi import pageless
pageless.set_up()
from multiflexi.models import Company
assert "django.forms.fields" not in sys.modules
print(type(Company._meta.get_field("name").formfield()).__name__)
from django import forms
import django.forms.models
print(forms is sys.modules["django.forms"], django.forms.models.ModelForm.__name__)
"""


def _said(code: str, environment: dict[str, str]) -> list[str]:
    """The words a Python process of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout.split()


@pytest.mark.django_db
def test_no_daemon_and_no_command_loads_what_the_web_needs(process_environment: dict[str, str]):
    loaded = set(_said(LOAD, process_environment))
    assert "click" in loaded
    assert loaded & (WEB | PAGES) == set()


@pytest.mark.django_db
def test_what_only_pages_need_is_there_once_it_is_asked_for(process_environment: dict[str, str]):
    assert _said(ASK_FOR_A_FORM, process_environment) == ["CharField", "True", "ModelForm"]
