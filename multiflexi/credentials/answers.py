"""What a provider gave back, held against its contract: a fault of one provider must not get any further."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from multiflexi.credentials.contract import TTL_SECONDS, Result, Value
from multiflexi.models import Availability
from multiflexi.record.plain import clean_text, plain
from multiflexi.vault.masker import Masker

LONGEST_MESSAGE = 500
LONGEST_TTL = 86400.0
LARGEST_DETAILS = 16 * 1024


class NotInContract(TypeError):
    """The provider gave something back that is none of the things it may."""


def sound_result(result: Any, masker: Masker) -> Result:
    """The result masked, and with a time that clocks have; details that are too large are left out.

    Raises NotInContract or ValueError for what is no result.
    """
    if not isinstance(result, Result):
        raise NotInContract(f"a Result is expected, not {type(result).__name__}")
    details = plain(dict(result.details))
    if len(json.dumps(details)) > LARGEST_DETAILS:
        details = {}
    message = clean_text(masker.mask_text(str(result.message))[0])[:LONGEST_MESSAGE]
    ends = {name: end for name, end in result.expires.items() if end.tzinfo is not None}
    return Result(Availability(result.state), message, _seconds(result.ttl), _masked(details, masker), ends)


def sound_values(values: Any) -> Mapping[str, Value]:
    """The variables of a job. Raises NotInContract."""
    if not isinstance(values, Mapping):
        raise NotInContract(f"values by name are expected, not {type(values).__name__}")
    return {_name(name): _value(value) for name, value in values.items()}


def _seconds(ttl: Any) -> float:
    if not isinstance(ttl, int | float) or math.isnan(ttl):
        return TTL_SECONDS
    return float(min(max(ttl, 0), LONGEST_TTL))


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise NotInContract(f"the name of a variable is a text, not {type(name).__name__}")
    return name


def _value(value: Any) -> Value:
    if not isinstance(value, Value) or not isinstance(value.text, str):
        raise NotInContract(f"a Value with a text is expected, not {type(value).__name__}")
    return Value(value.text, bool(value.secret))


def _masked(value: Any, masker: Masker) -> Any:
    match value:
        case str():
            return masker.mask_text(value)[0]
        case dict():
            return {_masked(name, masker): _masked(member, masker) for name, member in value.items()}
        case list():
            return [_masked(member, masker) for member in value]
        case _:
            return value
