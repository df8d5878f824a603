"""Short ways to say how a credential is, and to stop a check or a resolution with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from multiflexi.credentials.contract import TTL_AFTER_FAILURE_SECONDS, TTL_SECONDS, CannotResolve, Given, Result, Value
from multiflexi.jobs.fields import parse_bool
from multiflexi.models import Availability

_PORTS = range(1, 65536)


def available(message: str, ttl: float = TTL_SECONDS, details: Mapping[str, Any] | None = None) -> Result:
    """The credential can be used."""
    return Result(Availability.AVAILABLE, message, ttl, details or {})


def degraded(message: str, ttl: float = TTL_SECONDS, details: Mapping[str, Any] | None = None) -> Result:
    """The credential can be used, but something is wrong or could not be looked at."""
    return Result(Availability.DEGRADED, message, ttl, details or {})


def unavailable(
    message: str, ttl: float = TTL_AFTER_FAILURE_SECONDS, details: Mapping[str, Any] | None = None
) -> CannotResolve:
    """To raise: the other side does not answer now."""
    return CannotResolve(Result(Availability.UNAVAILABLE, message, ttl, details or {}))


def misconfigured(message: str, details: Mapping[str, Any] | None = None) -> CannotResolve:
    """To raise: a person has to correct something."""
    return CannotResolve(Result(Availability.MISCONFIGURED, message, TTL_SECONDS, details or {}))


def unknown(message: str, details: Mapping[str, Any] | None = None) -> Result:
    """Nothing can be said about the credential; jobs that need it run."""
    return Result(Availability.UNKNOWN, message, TTL_SECONDS, details or {})


def require(given: Given, *names: str) -> tuple[str, ...]:
    """The values of these fields; raises CannotResolve with the names of those that are empty."""
    missing = [name for name in names if not given.text(name)]
    if missing:
        raise misconfigured(_("Not set: %(names)s.") % {"names": ", ".join(missing)})
    return tuple(given.text(name) for name in names)


def port(given: Given, name: str, default: int) -> int:
    """The port in a field, or the default when it is empty. Raises CannotResolve."""
    text = given.text(name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or int(text[:9]) not in _PORTS:
        raise misconfigured(_("%(name)s must be a port between 1 and 65535.") % {"name": name})
    return int(text)


def aliases(given: Given, *names: str, secret: bool = False) -> dict[str, Value]:
    """The one value of several names under those of them that have none."""
    text = next((given.values[name] for name in names if given.values.get(name)), "")
    return {name: Value(text, secret) for name in names if text and not given.values.get(name)}


def allows(given: Given, option: str) -> bool:
    """Whether a switch of the credential type is on."""
    try:
        return parse_bool(str(given.options.get(option, "")))
    except ValueError:
        return False
