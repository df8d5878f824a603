"""OpenTelemetry over HTTP, as JSON: the part of the protocol that one message needs."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError

from multiflexi import __version__

PROTOCOL = "http/json"
SECONDS = 5.0
SCOPE = {"name": "multiflexi", "version": __version__}
CUMULATIVE = 2


class NotTaken(Exception):
    """The collector refuses, or does not answer."""


@dataclass(frozen=True)
class Collector:
    """Where telemetry goes, and which service and host it comes from."""

    endpoint: str
    service: str
    host: str

    def send_metrics(self, metrics: list[dict[str, Any]]) -> None:
        """Raises NotTaken."""
        scope = {"scope": SCOPE, "metrics": metrics}
        self._send("v1/metrics", {"resourceMetrics": [{"resource": self._resource, "scopeMetrics": [scope]}]})

    def send_span(self, name: str, attributes: Mapping[str, Any]) -> None:
        """A span of no length. Raises NotTaken."""
        now = str(time.time_ns())
        span = {
            "traceId": secrets.token_hex(16),
            "spanId": secrets.token_hex(8),
            "name": name,
            "kind": 1,
            "startTimeUnixNano": now,
            "endTimeUnixNano": now,
            "attributes": _attributes(attributes),
        }
        scope = {"scope": SCOPE, "spans": [span]}
        self._send("v1/traces", {"resourceSpans": [{"resource": self._resource, "scopeSpans": [scope]}]})

    @property
    def _resource(self) -> dict[str, Any]:
        told = {"service.name": self.service, "service.version": __version__, "host.name": self.host}
        return {"attributes": _attributes(told)}

    def _send(self, path: str, message: Mapping[str, Any]) -> None:
        address = f"{self.endpoint.rstrip('/')}/{path}"
        headers = {"Content-Type": "application/json", "User-Agent": f"multiflexi/{__version__}"}
        try:
            with urllib3.PoolManager(timeout=SECONDS, retries=False) as pool:
                answer = pool.request("POST", address, body=json.dumps(message), headers=headers, redirect=False)
        except (HTTPError, ValueError) as error:
            raise NotTaken(f"{address} cannot be reached: {type(error).__name__}.") from error
        if not 200 <= answer.status < 300:
            raise NotTaken(f"{address} answers with status {answer.status} instead of taking it.")


def gauge(name: str, number: int, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """A number as it is now."""
    return {"name": name, "gauge": {"dataPoints": [_point(number, attributes)]}}


def counter(name: str, number: int, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """A number that only grows, counted from now."""
    point = _point(number, attributes)
    point["startTimeUnixNano"] = point["timeUnixNano"]
    total = {"dataPoints": [point], "aggregationTemporality": CUMULATIVE, "isMonotonic": True}
    return {"name": name, "sum": total}


def _point(number: int, attributes: Mapping[str, Any]) -> dict[str, Any]:
    # 64-bit numbers are texts in the JSON form of the protocol.
    return {"timeUnixNano": str(time.time_ns()), "asInt": str(number), "attributes": _attributes(attributes)}


def _attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(one)} for name, one in values.items()]


def _value(one: Any) -> dict[str, Any]:
    return {"boolValue": one} if isinstance(one, bool) else {"stringValue": str(one)}
