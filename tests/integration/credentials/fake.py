"""A credential provider under the test's control, which stands for that of its prototype."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from multiflexi.credentials.contract import Given, Result, Value
from multiflexi.models import Availability

CODE = "Bank"


class FakeBank:
    """Says what the test wants, and remembers what it was asked with."""

    code = CODE
    supplies = True

    def __init__(self) -> None:
        self.result: Result | Exception | Callable[[Given], Result] = Result(Availability.AVAILABLE, "fine")
        self.answers: Mapping[str, Value] | Exception = {}
        self.checked: list[Given] = []
        self.resolved: list[Given] = []
        self.open = threading.Event()
        self.open.set()

    def definition(self) -> Mapping[str, Any]:
        return {}

    def check(self, given: Given) -> Result:
        self.checked.append(given)
        assert self.open.wait(30)
        result = self.result(given) if callable(self.result) else self.result
        if isinstance(result, Exception):
            raise result
        return result

    def resolve(self, given: Given) -> Mapping[str, Value]:
        self.resolved.append(given)
        if isinstance(self.answers, Exception):
            raise self.answers
        return self.answers

    def expires(self, given: Given) -> datetime | None:
        return None

    def says(self, state: Availability, message: str = "", ttl: float = 60, **details: Any) -> None:
        self.result = Result(state, message, ttl, details)
