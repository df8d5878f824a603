"""The two ways of writing a variable in an argument template: {NAME} and ${NAME}."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\{\{|\}\}|\$?\{(?P<name>[A-Z_][A-Z0-9_]*)\}")


def stored_form(template: str) -> str:
    """A template with every placeholder as {NAME}, the form in which it is kept."""

    def short(match: re.Match[str]) -> str:
        # A dollar sign just before would turn {NAME} into ${NAME} and be lost.
        after_dollar = match.start() > 0 and template[match.start() - 1] == "$"
        return match[0] if match["name"] is None or after_dollar else f"{{{match['name']}}}"

    return _TOKEN.sub(short, template)


def exported_form(template: str) -> str:
    """A template with every placeholder as ${NAME}, the form of the schema."""
    return _TOKEN.sub(lambda match: match[0] if match["name"] is None else f"${{{match['name']}}}", template)


def names(text: str) -> list[str]:
    """Variables that a template or value refers to, in order, without repetition."""
    found = (match["name"] for match in _TOKEN.finditer(text))
    return list(dict.fromkeys(name for name in found if name))
