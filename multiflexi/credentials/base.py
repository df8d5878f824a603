"""What all shipped providers have in common: their definition, one time limit, and results without secrets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

from django.utils.translation import gettext as _

from multiflexi.credentials import classify
from multiflexi.credentials.contract import TTL_AFTER_FAILURE_SECONDS, CannotResolve, Given, Result, Value
from multiflexi.credentials.network import TOTAL_SECONDS, Network, Trouble
from multiflexi.credentials.verdicts import unknown
from multiflexi.models import Availability
from multiflexi.vault.masker import Masker
from multiflexi.vault.secrecy import is_secret_field

DEFINITION = "definition.json"
LONGEST_DETAIL = 200
_PIECE = 198
T = TypeVar("T")


class ShippedProvider:
    """A provider with its definition beside it. Subclasses write `probe`; those that make values write `supply` and
    say so by `supplies`."""

    code = ""
    supplies = False
    seconds = TOTAL_SECONDS

    def definition(self) -> Mapping[str, Any]:
        return _definition(type(self).__module__.rpartition(".")[0])

    def resolve(self, given: Given) -> Mapping[str, Value]:
        return self._run(self.supply, given, Availability.UNAVAILABLE)

    def check(self, given: Given) -> Result:
        try:
            return self.clean(self._run(self.probe, given, Availability.UNKNOWN), given)
        except CannotResolve as stopped:
            return stopped.result

    def expires(self, given: Given) -> datetime | None:
        return None

    def supply(self, given: Given, network: Network) -> Mapping[str, Value]:
        """Variables beyond the stored ones. Raises CannotResolve or Trouble."""
        return {}

    def probe(self, given: Given, network: Network) -> Result:
        """Whether a job could use these values now. Raises CannotResolve or Trouble."""
        return unknown(_("This kind of credential has no check."))

    def clean(self, result: Result, given: Given) -> Result:
        """The result without any secret of the credential, should one have come in by way of the other side."""
        masker = Masker(piece for name, text in self._all(given) if self.is_secret(name) for piece in _pieces(text))
        return replace(
            result, message=masker.mask_text(result.message)[0], details=_masked(dict(result.details), masker)
        )

    def is_secret(self, name: str) -> bool:
        """Whether the definition, or its name alone, makes a field secret."""
        types = {field["keyword"]: (field["type"], field.get("secret")) for field in self.definition()["fields"]}
        return is_secret_field(name, *types.get(name, (None, None)))

    def _all(self, given: Given) -> list[tuple[str, str]]:
        return [*given.values.items(), *given.internal.items()]

    def _run(self, work: Callable[[Given, Network], T], given: Given, otherwise: Availability) -> T:
        """Run a part of the provider; whatever goes wrong leaves as CannotResolve that remembers no other error."""
        with Network(self.seconds) as network:
            try:
                return work(given, network)
            except CannotResolve as stopped:
                result = stopped.result
            except Trouble as trouble:
                result = classify.trouble(trouble, given.failures)
            except Exception as error:
                kind = type(error).__name__
                text = _("The check could not be made because of a fault of its own (%(kind)s).") % {"kind": kind}
                result = Result(otherwise, text, TTL_AFTER_FAILURE_SECONDS)
        raise CannotResolve(self.clean(result, given))


@cache
def _definition(package: str) -> Mapping[str, Any]:
    definition: Mapping[str, Any] = json.loads((files(package) / DEFINITION).read_text(encoding="utf-8"))
    return definition


def _pieces(text: str) -> Iterator[str]:
    """The text in parts that are quick to search for; a multiple of three keeps their base64 forms in step."""
    return (text[start : start + _PIECE] for start in range(0, len(text), _PIECE))


def _masked(value: Any, masker: Masker) -> Any:
    """The value with its texts masked, and only then cut, because a part of a secret would not be found."""
    if isinstance(value, str):
        return masker.mask_text(value)[0][:LONGEST_DETAIL]
    if isinstance(value, dict):
        return {key: _masked(item, masker) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, masker) for item in value]
    return value
