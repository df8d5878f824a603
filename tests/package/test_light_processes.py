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

# Each name is used in the way its importers use it; what is asked for must be the module itself.
ASK_FOR_EACH = """
import sys
from multiflexi import pageless
pageless.put_off()
import asyncio, ctypes.util, difflib, lzma, ssl, tempfile, zipfile
from asyncio import sslproto
def loaded():
    return sorted({"_ssl", "_ctypes", "_lzma"} & set(sys.modules))
print(loaded())
print(ssl.create_default_context().verify_mode.name, isinstance(1, ssl.SSLSocket), sslproto.SSLProtocol.__name__)
print(ctypes.sizeof(ctypes.c_int64), callable(ctypes.util.find_library), lzma.decompress(lzma.compress(b"x")))
print(difflib.get_close_matches("job", ["jobs"]), tempfile.gettempprefix(), zipfile.is_zipfile(sys.executable))
print(loaded())
"""
# The code of the module takes its time, as it does on a busy host.
ASK_FROM_THREADS = """
import sys, threading
from multiflexi import pageless
pageless.put_off()
import ssl
def slowly(frame, event, argument):
    if frame.f_code.co_filename == ssl.__file__ and frame.f_code.co_name == "<module>":
        sys.setswitchinterval(1e-6)
    return None
sys.settrace(slowly)
threading.settrace(slowly)
barrier, seen = threading.Barrier(8), []
def ask():
    barrier.wait()
    seen.append(ssl.create_default_context and ssl.get_server_certificate.__module__)
threads = [threading.Thread(target=ask) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join(60) for thread in threads]
print(len(seen), set(seen))
"""
ASK_BELOW = """
from multiflexi import pageless
pageless.put_off()
from django.conf import settings
settings.configure()
import django.forms.models
from django import forms
print(forms is django.forms, forms.ModelForm is django.forms.models.ModelForm)
"""
LIST = """
import sys
from multiflexi.cli.main import main
print(main(["company:list", "--format", "json"]))
print("multiflexi.vault.cipher" in sys.modules, "cryptography" in sys.modules)
"""
LOOK_UPS = """
import sys
asked = []
sys.addaudithook(lambda event, arguments: asked.append(event) if event.startswith("socket.get") else None)
from multiflexi.cli import startup
startup.prepare(None)
print(sorted(set(asked) - {"socket.gethostname"}))
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


def test_modules_of_the_library_that_are_seldom_needed_wait_until_they_are(process_environment: dict[str, str]):
    assert _said(ASK_FOR_EACH, process_environment) == [
        "[]",
        *("CERT_REQUIRED", "False", "SSLProtocol"),
        *("8", "True", "b'x'"),
        *("['jobs']", "tmp", "False"),
        *("['_ctypes',", "'_lzma',", "'_ssl']"),
    ]


def test_threads_that_ask_at_once_all_see_the_whole_module(process_environment: dict[str, str]):
    assert _said(ASK_FROM_THREADS, process_environment) == ["8", "{'ssl'}"]


def test_what_is_below_a_waiting_package_is_loaded_once(process_environment: dict[str, str]):
    assert _said(ASK_BELOW, process_environment) == ["True", "True"]


@pytest.mark.django_db
def test_a_list_without_secrets_loads_no_cryptography(process_environment: dict[str, str]):
    assert _said(LIST, process_environment) == ["[]", "0", "True", "False"]


@pytest.mark.django_db
def test_no_command_waits_for_the_name_service(process_environment: dict[str, str]):
    """A resolver that does not answer would hold up each of them for seconds."""
    assert _said(LOOK_UPS, process_environment) == ["[]"]
