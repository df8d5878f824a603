"""Asks a served installation what tests of the older surface otherwise ask within their own process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import urllib3
from django.http import HttpResponse

from tests.contract.legacy.world import Asker

SECONDS = 60
OF_THE_LINE = {"connection", "transfer-encoding", "date", "server"}


@dataclass
class LiveAsker(Asker):
    """Requests over the network; `address` is the server, `base` the path below it."""

    address: str = ""

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            named["Content-Type"] = "application/json"
        found = urllib3.request(
            method,
            f"{self.address}{self.base}{path}",
            headers={**self.headers, **named},
            body=None if body is None else json.dumps(body),
            redirect=False,
            timeout=SECONDS,
            retries=False,
        )
        answer = HttpResponse(found.data, status=found.status)
        for name, value in found.headers.items():
            if name.lower() not in OF_THE_LINE:
                answer[name] = value
        return answer
