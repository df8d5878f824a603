"""Drives a generated client, and keeps book of the operations that it has driven."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from tests.acceptance.generated.package import functions, plain

REFUSED = 403
PATIENCE = 60.0


@dataclass(frozen=True)
class Call:
    """One prepared call. What `given` makes of the ids are its arguments, `body` among them.

    Ids in the path, and the suffix, are filled in. `keep` names the ids that the answer brings, by what they are of;
    `drop` those that are gone after it. `free` is whether an administrator of a company may; `read` judges the answer.
    """

    operation: str
    given: Callable[[Ids], dict[str, Any]] = lambda ids: {}
    free: bool = True
    keep: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    drop: str = ""
    read: Callable[[Any, Ids], bool] = lambda told, ids: True


class Ids:
    """Ids by kind: those that this person has made, else those of the installation. `word` makes names of its own."""

    def __init__(self, known: Mapping[str, Any], word: str) -> None:
        self.known, self.word = known, word
        self.made: dict[str, Any] = {}

    def __getitem__(self, kind: str) -> Any:
        return self.made[kind] if kind in self.made else self.known[kind]


class Driver:
    """A person with a generated client. Every answer has the published status and was read into its strict type."""

    def __init__(self, package: ModuleType, client: Any, document: Any, *, restricted: bool) -> None:
        self.failure = package.ApiException
        self.restricted = restricted
        self.functions = functions(package, client)
        self.published = {one["operationId"]: one for ways in document["paths"].values() for one in ways.values()}
        self.driven: set[str] = set()

    def drive(self, call: Call, ids: Ids) -> None:
        """Make the call, and judge and keep what is answered."""
        self.driven.add(call.operation)
        function = self.functions[plain(call.operation)]
        arguments = self._arguments(function, call, ids)
        status = self._status(call)
        told: Any = None
        try:
            answer = function(**arguments, _request_timeout=PATIENCE)
            found, told = answer.status_code, answer.data
        except self.failure as failure:
            found, told = failure.status, failure.data
        assert found == status, f"{call.operation}({arguments}): {found} instead of {status}: {told}"
        ids.made.pop(call.drop, None)
        if status >= 400:
            assert told.error and told.success is False, f"{call.operation}: the refusal cannot be read: {told}"
            return
        assert told is not None or status >= 300, f"{call.operation}: the answer was not read"
        assert call.read(told, ids), f"{call.operation}: {told}"
        for kind, of in call.keep.items():
            ids.made[kind] = of(told)

    def _status(self, call: Call) -> int:
        if self.restricted and not call.free:
            return REFUSED
        return min(int(status) for status in self.published[call.operation]["responses"])

    def _arguments(self, function: Any, call: Call, ids: Ids) -> dict[str, Any]:
        given = dict(call.given(ids))
        body = given.pop("body", None)
        parameters = inspect.signature(function).parameters
        for name, parameter in parameters.items():
            kind = _model(parameter.annotation)
            if name == "suffix":
                given.setdefault(name, "json")
            elif body is not None and kind is not None:
                given[name] = kind(**body)
                assert given[name].to_dict() == body, f"{call.operation}: the document has no room for {body}"
            elif name.endswith("_id") and parameter.default is parameter.empty and name not in given:
                given[name] = ids[name.removesuffix("_id").replace("_", "")]
        return given


def _model(annotation: Any) -> Any:
    """The generated type among those that a parameter takes, None when it takes no record."""
    kinds = (annotation, *typing.get_args(annotation))
    return next((one for one in kinds if hasattr(one, "from_dict")), None)
