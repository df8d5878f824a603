"""Macros: `{NAME}` and `${NAME}` inside values, replaced by the values of other variables."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

MAX_LEVELS = 10
# Linux takes no single variable above 128 KiB (MAX_ARG_STRLEN).
MAX_LENGTH = 128 * 1024
NAME = r"[A-Z_][A-Z0-9_]*"

# Doubled braces are an escape only around a name: values are often JSON, where `}}` is ordinary text.
_MACRO = re.compile(rf"\{{\{{(?P<literal>{NAME})\}}\}}|\$?\{{(?P<name>{NAME})\}}")


class MacroError(ValueError):
    """Macros go round in a circle or too deep; the message names the chain."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A value before expansion; `scanned` is off for values in which braces are just characters."""

    text: str
    secret: bool = False
    scanned: bool = True


@dataclass
class Expansion:
    """Expands the values of one environment, each at most once.

    `known` are names that may be without a value: they expand to nothing, all other missing names stay as written.
    `render` turns an expanded text into what the process gets to see, by variable name.
    """

    raw: Mapping[str, Raw]
    known: Collection[str]
    render: Callable[[str, str], str]
    secret: set[str] = field(default_factory=set)
    empty: set[str] = field(default_factory=set)
    unknown: dict[str, list[str]] = field(default_factory=dict)
    _done: dict[str, str] = field(default_factory=dict)
    _longest: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def value(self, name: str) -> str:
        """The final text of a variable.

        Raises MacroError on a cycle, on more than ten levels, and when the text grows beyond what a process can take.
        """
        return self._value(name, ())

    def _value(self, name: str, callers: tuple[str, ...]) -> str:
        if name in self._done:
            return self._done[name]
        if name in callers:
            raise MacroError(_circle((*callers[callers.index(name) :], name)))
        if len(callers) > MAX_LEVELS:
            raise MacroError(_too_deep((*callers, name)))
        raw = self.raw[name]
        if raw.secret:
            self.secret.add(name)
        self._longest[name] = (name,)
        text = self._expanded(name, raw.text, (*callers, name)) if raw.scanned and "{" in raw.text else raw.text
        if text == "":
            self.empty.add(name)
        self._done[name] = self.render(name, text)
        return self._done[name]

    def _expanded(self, owner: str, text: str, callers: tuple[str, ...]) -> str:
        grown = len(text)

        def replace(match: re.Match[str]) -> str:
            nonlocal grown
            if match["literal"]:
                return "{" + match["literal"] + "}"
            name = match["name"]
            if name not in self.raw:
                return self._missing(owner, name, match[0])
            value = self._value(name, callers)
            self._note_use(owner, name)
            grown += len(value)
            if grown > MAX_LENGTH:
                raise MacroError(_too_long(owner))
            return value

        return _MACRO.sub(replace, text)

    def _missing(self, owner: str, name: str, written: str) -> str:
        if name in self.known:
            return ""
        self.unknown.setdefault(owner, []).append(name)
        return written

    def _note_use(self, owner: str, name: str) -> None:
        if name in self.secret:
            self.secret.add(owner)
        chain = (owner, *self._longest[name])
        if len(chain) > MAX_LEVELS + 1:
            raise MacroError(_too_deep(chain))
        if len(chain) > len(self._longest[owner]):
            self._longest[owner] = chain


def _circle(chain: tuple[str, ...]) -> str:
    return _("Variables refer to each other in a circle: %(chain)s. Give one of them a plain value.") % {
        "chain": " → ".join(chain)
    }


def _too_deep(chain: tuple[str, ...]) -> str:
    return _("Variables refer to each other more than %(levels)d levels deep: %(chain)s. Shorten the chain.") % {
        "levels": MAX_LEVELS,
        "chain": " → ".join(chain),
    }


def _too_long(name: str) -> str:
    return _("The value of %(name)s grows beyond %(limit)d characters by the variables in it. Use fewer of them.") % {
        "name": name,
        "limit": MAX_LENGTH,
    }
