"""Requests that may be repeated: with the same `Idempotency-Key` they are carried out once, on whichever server.

The key is claimed in a transaction of its own; the work and its answer commit together. A server that dies in between
leaves a claim whose work has not happened, so another one may take it over after a while.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.request import Request

from multiflexi.models import IdempotencyKey
from multiflexi.services.errors import Conflict, Refused, invalid_field

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEPT = timedelta(hours=24)
# Longer than any request lasts: a claim this old belongs to a server that died.
ABANDONED = timedelta(minutes=10)
RUNNING, DONE = "running", "done"
# Answers that say nothing about the request itself; it may be tried again with the same key.
NOT_KEPT = frozenset({401, 408, 429})
_USABLE = re.compile(r"[\x21-\x7e]{1,255}")
_ROUNDS = 3


class OtherRequest(Refused):
    """The key belongs to a request with another body."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request is answered with; `body` are plain JSON values, whatever format they are sent in."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    replayed: bool = False

    @property
    def is_error(self) -> bool:
        return self.status >= 400


def key_of(request: HttpRequest) -> str | None:
    """The key a request carries. Raises Invalid for an unusable one."""
    told = request.headers.get(HEADER)
    if told is None:
        return None
    if not _USABLE.fullmatch(told):
        raise invalid_field(HEADER, "use 1 to 255 visible ASCII characters without spaces.")
    return told


def fingerprint_of(request: HttpRequest | Request) -> str:
    """Tells two requests apart; call it before anything else reads the body.

    The limits of a token are a part: the answer to who may more is not for one that may less.
    """
    told = hashlib.sha256()
    for part in (request.method or "", request.path_info, request.META.get("QUERY_STRING", ""), _limits_of(request)):
        told.update(part.encode() + b"\0")
    told.update(request.body)
    return told.hexdigest()


def _limits_of(request: HttpRequest | Request) -> str:
    presented = getattr(request, "auth", None)
    limits = (getattr(presented, "scopes", None), getattr(presented, "only_companies", None))
    return "" if limits == (None, None) else repr([None if one is None else sorted(one) for one in limits])


def once(user_id: int, key: str, fingerprint: str, carry_out: Callable[[], Answer]) -> Answer:
    """The answer of `carry_out`, or for a repetition the one it gave then. Never call it in a transaction.

    An error undoes what was done; an exception also frees the key, as does an answer of 5xx. Raises OtherRequest, and
    Conflict while the first request is still being carried out.
    """
    claim = _claim(user_id, key, fingerprint)
    if isinstance(claim, Answer):
        return claim
    try:
        with transaction.atomic():
            answer = carry_out()
            if answer.is_error:
                transaction.set_rollback(True)
            else:
                _keep(claim, answer)
    except BaseException:
        claim.free()
        raise
    if answer.status >= 500 or answer.status in NOT_KEPT:
        claim.free()
    elif answer.is_error:
        _keep(claim, answer)
    return answer


@dataclass(frozen=True, slots=True)
class _Claim:
    """A key held by this request, as long as its row carries this moment."""

    number: int
    since: datetime

    def rows(self) -> Any:
        return IdempotencyKey.objects.filter(pk=self.number, created_at=self.since, state=RUNNING)

    def free(self) -> None:
        self.rows().delete()


def _claim(user_id: int, key: str, fingerprint: str) -> _Claim | Answer:
    for _round in range(_ROUNDS):
        now = timezone.now()
        try:
            with transaction.atomic():
                made = IdempotencyKey.objects.create(
                    user_id=user_id, idem_key=key, fingerprint=fingerprint, state=RUNNING, created_at=now
                )
            return _Claim(made.pk, now)
        except IntegrityError:
            found = IdempotencyKey.objects.filter(user_id=user_id, idem_key=key).first()
        if found is None:
            continue
        same = IdempotencyKey.objects.filter(pk=found.pk, created_at=found.created_at, state=found.state)
        if found.created_at < now - KEPT:
            same.delete()
        elif found.fingerprint != fingerprint:
            raise OtherRequest(
                f'{HEADER} "{key}" was used for another request within the last 24 hours; use a new key.',
                "idempotency_key_reused",
            )
        elif found.state == DONE:
            return _remembered(found)
        elif found.created_at < now - ABANDONED and same.update(created_at=now):
            return _Claim(found.pk, now)
        else:
            break
    raise Conflict(
        f'The request with {HEADER} "{key}" is still being carried out; repeat it in a moment.', "idempotency_running"
    )


def _keep(claim: _Claim, answer: Answer) -> None:
    kept = {"body": answer.body, "headers": dict(answer.headers)}
    if not claim.rows().update(state=DONE, status_code=answer.status, response=kept):
        # Somebody took it over: what was done here is undone.
        raise Conflict("Another server has taken this request over; repeat it in a moment.", "idempotency_running")


def _remembered(found: IdempotencyKey) -> Answer:
    kept: Any = found.response or {}
    answer = Answer(found.status_code or 200, kept.get("body"), kept.get("headers") or {})
    return replace(answer, replayed=True)
