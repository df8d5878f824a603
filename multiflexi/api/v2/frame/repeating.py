"""Actions that take an `Idempotency-Key`."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from multiflexi.api.v2.frame import problems
from multiflexi.http import idempotency

KEPT_HEADERS = ("Location", "ETag")


def repeatable(handler: Callable[..., Response]) -> Callable[..., Response]:
    """Carry the handler out once per key; without a key it is called as it is."""

    @wraps(handler)
    def handle(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = idempotency.key_of(request)
        if key is None:
            return handler(view, request, *args, **kwargs)

        def carry_out() -> idempotency.Answer:
            try:
                response = handler(view, request, *args, **kwargs)
            except Exception as error:
                response = view.handle_exception(error)
            body = json.loads(JSONRenderer().render(response.data)) if response.data is not None else None
            headers = {name: response[name] for name in KEPT_HEADERS if response.has_header(name)}
            return idempotency.Answer(response.status_code, body, headers)

        fingerprint = idempotency.fingerprint_of(request)
        answer = idempotency.once(request.user.pk, key, fingerprint, carry_out)
        headers = dict(answer.headers) | ({idempotency.REPLAYED: "true"} if answer.replayed else {})
        media_type = problems.MEDIA_TYPE if answer.is_error else None
        return Response(answer.body, status=answer.status, headers=headers, content_type=media_type)

    handle.is_repeatable = True  # type: ignore[attr-defined]
    return handle
