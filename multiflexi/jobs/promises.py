"""The files an application promises: patterns of its definition, made ready for one job."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from multiflexi.jobs.macros import NAME
from multiflexi.jobs.resolved import Resolved
from multiflexi.models import AppArtifact

if TYPE_CHECKING:
    import regex

DIRECTORY = "directory"
# A pattern that needs longer for one name is given up: definitions come from outside.
_SECONDS = 0.2
_PLACEHOLDER = re.compile(rf"\$?\{{({NAME})\}}")
# The regex library reads braces that are no quantifier as fuzzy matching; everywhere else they are literal.
_FUZZY_BRACE = re.compile(r"(?<!\\)(?<!\\[pPN])\{(?!\d+(?:,\d*)?\}|,\d+\})")


class Promise:
    """One promised file or directory; `matches` looks at base names."""

    def __init__(self, definition: AppArtifact, pattern: str, note: str | None) -> None:
        self.definition_id = definition.pk
        self.pattern = pattern
        self.note = note
        self.is_directory = definition.type == DIRECTORY
        self.warning: str | None = None
        self._search = _compiled(pattern)

    def matches(self, name: str) -> bool:
        """Whether the pattern is the name or, as a regular expression, occurs in it."""
        if name == self.pattern:
            return True
        if self._search is None:
            return False
        try:
            return self._search.search(name, timeout=_SECONDS) is not None
        except TimeoutError:
            self._search = None
            self.warning = _("Pattern %(pattern)s takes too long and was given up. Write it more simply.") % {
                "pattern": self.pattern
            }
            return False


def promises(definitions: Iterable[AppArtifact], resolved: Resolved, language: str | None) -> list[Promise]:
    """The promises of an application for one job, placeholders replaced by quoted values.

    One that would contain a secret value, or nothing at all, is left out. The translations must be loaded.
    """
    found = []
    for definition in definitions:
        used = _PLACEHOLDER.findall(definition.path)
        if any(resolved.is_secret(name) for name in used):
            continue
        pattern = _PLACEHOLDER.sub(lambda match: _quoted(match, resolved), definition.path)
        if pattern:
            found.append(Promise(definition, pattern, note_of(definition, language)))
    return found


def note_of(definition: AppArtifact, language: str | None) -> str | None:
    """Description, else name, in the wanted language, else English, else any."""
    texts = {row.lang[:2]: row.description or row.name for row in definition.translations.all()}
    wanted: Sequence[str] = ((language or "en")[:2], "en", *texts)
    return next((texts[lang] for lang in wanted if texts.get(lang)), None)


def _quoted(match: re.Match[str], resolved: Resolved) -> str:
    name = match[1]
    if name not in resolved.values:
        return "" if name in resolved.known else match[0]
    value = resolved.values[name]
    # Patterns look at base names, and a result file is named by its full path.
    is_inside = bool(resolved.directory) and value.startswith(resolved.directory + "/")
    return re.escape(PurePosixPath(value).name if is_inside else value)


def _compiled(pattern: str) -> regex.Pattern[str] | None:
    import regex

    try:
        return regex.compile(_FUZZY_BRACE.sub(r"\\{", pattern))
    except regex.error:
        return None
