"""Values of variables in the file: written there, or taken from elsewhere so that a secret need not stand in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from django.utils.translation import gettext as _

from multiflexi.services.blueprint.tree import Spot

PLACEHOLDER = "secret"
FROM_ENV = "from_env"
FROM_FILE = "from_file"
LONGEST = 64 * 1024


class Kept:
    """Stands for a secret that is not in the file: what is stored stays."""


class Hidden(str):
    """A value that was taken from elsewhere, and is not shown."""

    __slots__ = ()


KEPT = Kept()
Value = str | None | Kept


@dataclass(frozen=True)
class Supply:
    """Where `from_env` and `from_file` look; without a directory both are refused, as for callers from elsewhere."""

    directory: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict)

    def values(self, spot: Spot | None) -> dict[str, Value]:
        """The variables of a mapping. Raises Invalid where a value has none of the possible forms."""
        if spot is None or spot.content is None:
            return {}
        if not isinstance(spot.content, dict):
            raise spot.error(_("variables are written as NAME: value, one per line."))
        return {name: self._value(one) for name, one in spot.content.items()}

    def _value(self, spot: Spot) -> Value:
        if spot.content is None or isinstance(spot.content, str):
            return spot.content
        if isinstance(spot.content, dict) and len(spot.content) == 1:
            ((form, given),) = spot.content.items()
            if form == PLACEHOLDER and given.content == "true":
                return KEPT
            if form in (FROM_ENV, FROM_FILE) and isinstance(given.content, str):
                if self.directory is None:
                    raise spot.error(_("references to variables and files work on the command line only."))
                return Hidden(self._variable(given) if form == FROM_ENV else self._file(given, self.directory))
        raise spot.error(
            _("give a text, {from_env: NAME}, {from_file: PATH}, or {secret: true} for a secret that stays as it is.")
        )

    def _variable(self, spot: Spot) -> str:
        found = self.variables.get(str(spot.content))
        if found is None:
            raise spot.error(_("the environment has no variable %(name)s; set it.") % {"name": spot.content})
        return found

    @staticmethod
    def _file(spot: Spot, directory: Path) -> str:
        path = directory / str(spot.content)
        try:
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
                data = file.read(LONGEST + 1)
            text = data.decode("utf-8")
        except OSError as error:
            told = _("%(path)s cannot be read: %(reason)s.") % {"path": path, "reason": error.strerror}
            raise spot.error(told) from None
        except UnicodeDecodeError:
            raise spot.error(_("%(path)s is not UTF-8 text; convert it.") % {"path": path}) from None
        if len(data) > LONGEST:
            raise spot.error(_("%(path)s is longer than 64 KiB.") % {"path": path})
        return text.removesuffix("\n")


def placeholders(values: Mapping[str, Value]) -> list[str]:
    """Names of the secrets that are not in the file."""
    return [name for name, one in values.items() if isinstance(one, Kept)]


def given(values: Mapping[str, Value]) -> dict[str, str | None]:
    """The values that are there."""
    return {name: one for name, one in values.items() if not isinstance(one, Kept)}
