"""Values for one run, written as JSON."""

from __future__ import annotations

import json

EXAMPLE = '{"KEY": "value"}'


def plain_values(text: str) -> dict[str, str]:
    """The members of a JSON object as texts. Raises ValueError with a rule that shows no value."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"is no JSON; give an object like {EXAMPLE}.") from None
    if not isinstance(given, dict) or not all(isinstance(value, str | int | float) for value in given.values()):
        raise ValueError(f"must be an object of plain values like {EXAMPLE}.")
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items()}
