"""Česká spořitelna: an external tool keeps the tokens and hands out a fresh one for each job."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from multiflexi.credentials.base import ShippedProvider
from multiflexi.credentials.contract import Given, Result, Value
from multiflexi.credentials.network import Network
from multiflexi.credentials.verdicts import available, degraded, misconfigured, require, unavailable, unknown
from multiflexi.environ.envfile import parse_lines
from multiflexi.environ.errors import SettingsError
from multiflexi.jobs.environment import SEARCH_PATH

TOOL = "csas-access-token"
TOKEN_ID, API_KEY, ACCESS_TOKEN, SANDBOX = "CSAS_TOKEN_ID", "CSAS_API_KEY", "CSAS_ACCESS_TOKEN", "CSAS_SANDBOX_MODE"
_PLAIN_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_LARGEST = 1024 * 1024


class Csas(ShippedProvider):
    """With a token id the tool is asked; without one the values are those of the credential."""

    code = "Csas"
    supplies = True
    search_path = SEARCH_PATH

    def supply(self, given: Given, network: Network) -> Mapping[str, Value]:
        if not given.text(TOKEN_ID):
            return {}
        tool, token = self._tool(), _token_id(given)
        with tempfile.TemporaryDirectory(prefix="mf-csas-") as folder:
            # Made here, so that the tool writes into a file that nobody else may read.
            target = Path(folder, "token.env")
            target.touch(mode=0o600)
            status, _output = self._run_tool([tool, f"-t{token}", f"-o{target}"], network)
            try:
                entries = parse_lines(target, target.read_text(encoding="utf-8")).entries
            except (SettingsError, OSError, UnicodeDecodeError):
                entries = {}
        found = {name: entries[name].value for name in (API_KEY, SANDBOX, ACCESS_TOKEN) if name in entries}
        if status or not found.get(ACCESS_TOKEN):
            raise unavailable(_("%(tool)s gave no token; see whether it must be authorised anew.") % {"tool": TOOL})
        return {name: Value(text, name != SANDBOX) for name, text in found.items()}

    def probe(self, given: Given, network: Network) -> Result:
        if not given.text(TOKEN_ID):
            if not given.text(API_KEY) and not given.text(ACCESS_TOKEN):
                require(given, TOKEN_ID)
            require(given, API_KEY, ACCESS_TOKEN)
            return unknown(_("The token was entered by hand; it is not tried."))
        status, output = self._run_tool([self._tool(), "-l", "-j"], network)
        if status:
            raise unavailable(_("%(tool)s could not list its tokens.") % {"tool": TOOL})
        row = _row(output, _token_id(given))
        if row is None:
            raise misconfigured(_("%(tool)s knows no token of the id in %(name)s.") % {"tool": TOOL, "name": TOKEN_ID})
        return _judge(row)

    def _tool(self) -> str:
        found = shutil.which(TOOL, path=self.search_path)
        if found is None:
            raise misconfigured(_("The program %(tool)s is not installed on this host.") % {"tool": TOOL})
        return found

    def _run_tool(self, argv: list[str], network: Network) -> tuple[int, bytes]:
        """Exit status and output; the tool sees none of our environment."""
        environment = {"PATH": self.search_path, "LANG": "C.UTF-8", "HOME": os.path.sep}
        try:
            ended = subprocess.run(
                argv,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=network.left,
                check=False,
                cwd=os.path.sep,
            )
        except subprocess.TimeoutExpired:
            problem = _("%(tool)s did not end in time.")
        except OSError:
            problem = _("%(tool)s could not be started.")
        else:
            return ended.returncode, ended.stdout[:_LARGEST]
        raise unavailable(problem % {"tool": TOOL})


def _token_id(given: Given) -> str:
    token = given.text(TOKEN_ID)
    if not _PLAIN_ID.fullmatch(token):
        raise misconfigured(_("%(name)s must be the id of a token: letters, digits and dashes.") % {"name": TOKEN_ID})
    return token


def _row(output: bytes, token: str) -> Mapping[str, Any] | None:
    try:
        rows = json.loads(output)
    except ValueError:
        rows = []
    found = [row for row in rows if isinstance(row, dict) and token in (str(row.get("uuid")), str(row.get("id")))]
    return found[0] if found else None


def _judge(row: Mapping[str, Any]) -> Result:
    """What the tool's entry says; `expires_in` is a moment in seconds since 1970 there."""
    try:
        end = datetime.fromtimestamp(float(row.get("expires_in") or 0), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        end = datetime.fromtimestamp(0, UTC)
    details = {"expires": end.isoformat(), "environment": str(row.get("environment", ""))}
    if end > datetime.now(UTC):
        return available(_("The token is valid."), details=details)
    if row.get("refresh_token"):
        return degraded(_("The token has expired; it will be renewed for the next job."), details=details)
    raise misconfigured(_("The token has expired and cannot be renewed; authorise it anew."), details)
