"""The two ways of writing a variable in an argument template: {NAME} and ${NAME}."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\{\{|\}\}|\$?\{(?P<name>[A-Z_][A-Z0-9_]*)\}")


def stored_form(template: str) -> str:
    """A template with every placeholder as {NAME}, the form in which it is kept."""
    parts: list[str] = []
    end = 0
    for match in _TOKEN.finditer(template):
        # A bare dollar or brace just before would read {NAME} as something else; such a placeholder stays as it is.
        before = template[end : match.start()]
        keeps = match["name"] is None or before.endswith(("$", "{"))
        parts += [before, match[0] if keeps else f"{{{match['name']}}}"]
        end = match.end()
    return "".join([*parts, template[end:]])


def exported_form(template: str) -> str:
    """A template with every placeholder as ${NAME}, the form of the schema."""
    return _TOKEN.sub(lambda match: match[0] if match["name"] is None else f"${{{match['name']}}}", template)


def names(text: str) -> list[str]:
    """Variables that a template or value refers to, in order, without repetition."""
    found = (match["name"] for match in _TOKEN.finditer(text))
    return list(dict.fromkeys(name for name in found if name))
