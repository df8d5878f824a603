"""The command of a job: a list of words, never a shell string."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from django.utils.translation import gettext as _

from multiflexi.jobs.macros import NAME
from multiflexi.jobs.resolved import EnvironmentProblem, Resolved
from multiflexi.models import Application
from multiflexi.vault.secrecy import MASK

_TOKEN = re.compile(rf"(?P<open>\{{\{{)|(?P<close>\}}\}})|\$?\{{(?P<name>{NAME})\}}")
_PLACEHOLDERS_ONLY = re.compile(rf"(?:\$?\{{{NAME}\}})+")


class CommandProblem(EnvironmentProblem):
    """The command cannot be built: the job ends as `failed`, 255, `start_failed`."""


@dataclass(frozen=True)
class Command:
    """The words to execute, and the same words with secrets masked, which alone may be stored or shown."""

    words: list[str] = field(repr=False)
    display_words: list[str]

    @property
    def display(self) -> str:
        """The masked words as one line that a shell would read back as the same words."""
        return shlex.join(self.display_words)


def split_template(text: str) -> list[str]:
    """The words of an argument template: POSIX quotes and backslashes, nothing is expanded.

    Raises CommandProblem for an open quotation or a backslash at the end.
    """
    return list(_split(text))


def placeholders(text: str) -> list[str]:
    """The names used in an argument template, each once, in their order. Raises CommandProblem."""
    found = (match["name"] for word in _split(text) for match in _TOKEN.finditer(word))
    return list(dict.fromkeys(name for name in found if name))


def unknown_names(text: str, known: Collection[str]) -> list[str]:
    """Names used in an argument template that nothing declares or sets. Raises CommandProblem."""
    return [name for name in placeholders(text) if name not in known]


def render(app: Application, resolved: Resolved) -> Command:
    """Build the command of a job from its application and its environment. Raises CommandProblem.

    One word of the template stays one argument, whatever its values contain. A word of placeholders only that became
    empty is dropped. The executable is a single word and is taken literally.
    """
    executable = (app.executable or "").strip()
    if not executable or "\0" in executable:
        raise CommandProblem(
            _("Application %(app)s has no executable. Name one in its definition.") % {"app": app.name}
        )
    words, shown = [executable], [executable]
    for template in _split(app.cmdparams or ""):
        word = _TOKEN.sub(lambda match: _value(match, app, resolved), template)
        if word or not _PLACEHOLDERS_ONLY.fullmatch(template):
            words.append(word)
            shown.append(_TOKEN.sub(lambda match: _shown(match, resolved), template))
    masker = resolved.masker()
    return Command(words, [masker.mask_text(word)[0] for word in shown])


def shell_line(app: Application, resolved: Resolved, recorded: Sequence[str] = ()) -> str:
    """The command as a line for a shell, which takes the secrets in it from its variables. Raises CommandProblem.

    `recorded` are the words it was started with, if they are known and hold no secret.
    """
    if recorded:
        return shlex.join(recorded)
    words = [shlex.quote((app.executable or "").strip())]
    words += (_shell_word(template, resolved) for template in _split(app.cmdparams or ""))
    return " ".join(filter(None, words))


def _shell_word(template: str, resolved: Resolved) -> str:
    """One word for a shell; empty when `render` would leave it out."""
    parts: list[str] = []
    position = 0
    for match in _TOKEN.finditer(template):
        name = match["name"]
        parts.append(_quoted(template[position : match.start()]))
        position = match.end()
        if name and resolved.is_secret(name):
            parts.append(f'"${name}"')
        else:
            parts.append(_quoted(_shown(match, resolved)))
    parts.append(_quoted(template[position:]))
    word = "".join(parts)
    if not _PLACEHOLDERS_ONLY.fullmatch(template):
        return word or "''"
    # An unquoted alternative makes no word at all of an empty variable.
    return f"${{{word[2:-1]}:+{word}}}" if word.startswith('"$') and word.count("$") == 1 else word


def _quoted(text: str) -> str:
    return shlex.quote(text) if text else ""


@lru_cache(maxsize=512)
def _split(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise CommandProblem(
            _("The argument template %(text)s cannot be read: %(error)s. Close every quotation mark.")
            % {"text": text, "error": str(error).rstrip(".")}
        ) from None


def _value(match: re.Match[str], app: Application, resolved: Resolved) -> str:
    name = match["name"]
    if not name:
        return "{" if match["open"] else "}"
    if name not in resolved.values and name not in resolved.known:
        raise CommandProblem(
            _("The argument template of %(app)s uses {%(name)s}, which nothing declares or sets. Correct the name.")
            % {"app": app.name, "name": name}
        )
    if resolved.is_secret(name) and not app.allow_secret_arguments:
        raise CommandProblem(
            _(
                "The argument template of %(app)s uses the secret %(name)s, and every account of the host can read "
                "arguments. Let the program read the variable, or have an administrator allow secret arguments."
            )
            % {"app": app.name, "name": name}
        )
    return resolved.values.get(name, "")


def _shown(match: re.Match[str], resolved: Resolved) -> str:
    name = match["name"]
    if not name:
        return "{" if match["open"] else "}"
    value = resolved.values.get(name, "")
    return MASK if value and resolved.is_secret(name) else value
