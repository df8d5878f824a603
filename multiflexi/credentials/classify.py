"""What an HTTP answer, or none at all, says about a credential: one table for all providers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from django.utils.translation import gettext as _

from multiflexi.credentials.contract import TTL_AFTER_FAILURE_SECONDS, TTL_SECONDS, Result
from multiflexi.credentials.network import Cause, Trouble, place
from multiflexi.credentials.verdicts import available
from multiflexi.credentials.web import Answer
from multiflexi.models import Availability

# From this failed check in a row on, a name that does not resolve is no passing trouble of a name server any more.
PATIENCE = 3
LONGEST_WAIT = 3600.0

_TEXTS: dict[Cause, Callable[[], str]] = {
    Cause.UNKNOWN_NAME: lambda: _("The name of %(place)s is not known; correct it if it is wrong."),
    Cause.NO_NAME_SERVER: lambda: _("No name server answers for %(place)s."),
    Cause.FORBIDDEN: lambda: _(
        "%(place)s was not checked: it is an address of this host. MULTIFLEXI_CHECK_ALLOW can allow it."
    ),
    Cause.REFUSED: lambda: _("%(place)s does not take connections."),
    Cause.TIMEOUT: lambda: _("%(place)s did not answer in time."),
    Cause.BROKEN: lambda: _("%(place)s cut the connection."),
    Cause.TLS: lambda: _(
        "The certificate of %(place)s cannot be verified; renew it, or add its authority to the credential type."
    ),
    Cause.NOT_HTTP: lambda: _("%(place)s does not speak HTTP."),
    Cause.TOO_LARGE: lambda: _("%(place)s answers with more than is expected of it; correct the address."),
    Cause.REDIRECT: lambda: _("%(place)s points to another address; enter that one."),
}
_STATES = {
    Cause.FORBIDDEN: Availability.UNKNOWN,
    Cause.TLS: Availability.MISCONFIGURED,
    Cause.TOO_LARGE: Availability.MISCONFIGURED,
    Cause.REDIRECT: Availability.MISCONFIGURED,
}
_PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_DENIED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


def trouble(found: Trouble, failures: int = 0) -> Result:
    """The result for an answer that did not come; `failures` checks in a row have failed before this one."""
    state = _STATES.get(found.cause, Availability.UNAVAILABLE)
    if found.cause is Cause.UNKNOWN_NAME and failures + 1 >= PATIENCE:
        state = Availability.MISCONFIGURED
    details = {"cause": found.cause.value}
    if found.expires:
        details["certificate_expires"] = found.expires
    ttl = TTL_AFTER_FAILURE_SECONDS if state is Availability.UNAVAILABLE else TTL_SECONDS
    return Result(state, _TEXTS[found.cause]() % {"place": place(found.host, found.port)}, ttl, details)


def answer(given: Answer, *, fine: frozenset[int] = frozenset()) -> Result:
    """The result for an HTTP answer; statuses in `fine` count as success besides 2xx."""
    status, where = given.status, place(given.host, given.port)
    said, details = {"place": where, "status": status}, {"status": status}
    if 200 <= status < 300 or status in fine:
        return available(_("%(place)s answers.") % said, details=details)
    if status in _PASSING or status >= 500:
        wait = retry_after(given.headers.get("retry-after", ""))
        text = _("%(place)s is not ready: it answers with status %(status)d.") % said
        return Result(Availability.UNAVAILABLE, text, wait, details)
    if status in _DENIED:
        text = _("%(place)s denies access (status %(status)d); correct the credentials.") % said
    else:
        text = _("%(place)s answers with status %(status)d; correct the address.") % said
    return Result(Availability.MISCONFIGURED, text, TTL_SECONDS, details)


def retry_after(text: str, now: datetime | None = None) -> float:
    """Seconds that a server asks to wait, at least a minute and at most an hour."""
    seconds = TTL_AFTER_FAILURE_SECONDS
    if text.strip().isdecimal():
        seconds = float(text.strip()[:9])
    elif text:
        try:
            until = parsedate_to_datetime(text)
            seconds = (until.astimezone(UTC) - (now or datetime.now(UTC))).total_seconds()
        except (ValueError, OverflowError):
            pass
    return min(max(seconds, TTL_AFTER_FAILURE_SECONDS), LONGEST_WAIT)
