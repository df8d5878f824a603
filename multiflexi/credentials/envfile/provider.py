"""The variables of a file in dotenv form; all of them are secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from django.utils.translation import gettext as _

from multiflexi.credentials import files
from multiflexi.credentials.base import ShippedProvider
from multiflexi.credentials.contract import Given, Result, Value
from multiflexi.credentials.network import Network
from multiflexi.credentials.verdicts import available, misconfigured, require
from multiflexi.environ.envfile import parse_lines
from multiflexi.environ.errors import SettingsError
from multiflexi.jobs.names import changes_loading, is_reserved

FIELD = "ENV_FILE_PATH"
LARGEST = 64 * 1024
_LINE = re.compile(r":(\d+):")


class EnvFile(ShippedProvider):
    """Reads the file anew for every job; quotes are removed, nothing is expanded."""

    code = "EnvFile"
    supplies = True

    def supply(self, given: Given, network: Network) -> Mapping[str, Value]:
        return {
            name: Value(text, True)
            for name, text in _read(given).items()
            if not is_reserved(name) and not changes_loading(name)
        }

    def probe(self, given: Given, network: Network) -> Result:
        count = len(_read(given))
        return available(_("The file can be read; number of variables: %(count)d.") % {"count": count})

    def is_secret(self, name: str) -> bool:
        return name != FIELD


def _read(given: Given) -> dict[str, str]:
    if FIELD not in given.files:
        require(given, FIELD)
    data, line = files.content(given, FIELD, LARGEST), "?"
    try:
        entries = parse_lines(Path(FIELD), data.decode("utf-8-sig")).entries
    except UnicodeDecodeError:
        entries = None
    except SettingsError as error:
        # Nothing else of the error's text, because a broken line may begin with a part of a secret.
        found = _LINE.search(str(error))
        entries, line = None, found[1] if found else line
    if entries is None:
        raise misconfigured(
            _("The file that %(name)s names is no UTF-8 text of KEY=value lines (line %(line)s).")
            % {"name": FIELD, "line": line}
        )
    if not entries:
        raise misconfigured(_("The file that %(name)s names holds no variables.") % {"name": FIELD})
    return {name: entry.value for name, entry in entries.items()}
