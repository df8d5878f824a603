"""Clients whose address is on no list are refused at the door, on every surface; probes are answered to everybody."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from multiflexi.http.failures import failure, is_api
from multiflexi.http.proxies import client_address
from multiflexi.record import audit
from multiflexi.record.actor import Actor, Origin
from multiflexi.services import address_list
from multiflexi.vault.errors import VaultError

Handler = Callable[[HttpRequest], HttpResponse]
log = logging.getLogger(__name__)
# A load balancer or a monitoring system learns nothing there but that somebody answers.
OPEN = re.compile(
    r"/(healthz|readyz|api/v2/health/(live|ready)|api/(VitexSoftware/MultiFlexi/1\.0\.0|v1)/ping(\.\w+)?)/?"
)


# Whoever knocks all day long must not fill the audit trail.
NOTED_SECONDS, MOST_NOTED = 3600, 60
_noted: dict[str, float] = {}


def admit(answer: Handler) -> Handler:
    """Middleware: 403, which shows the address, for clients that are not on the list of the installation."""

    def handle(request: HttpRequest) -> HttpResponse:
        if OPEN.fullmatch(request.path_info):
            return answer(request)
        address = client_address(request)
        try:
            if address_list.admits(address):
                return answer(request)
        except address_list.Unknown:
            return failure(
                request,
                503,
                "address_list_unavailable",
                _("It cannot be read from where requests are allowed; try again in a moment."),
            )
        _note(request, address)
        return failure(
            request,
            403,
            "address_not_allowed",
            _(
                "Requests from your address %(address)s are not allowed. Ask the administrator to add it to the list "
                "of allowed addresses."
            )
            % {"address": address or _("(unknown)")},
        )

    return handle


def _note(request: HttpRequest, address: str) -> None:
    """Tell the audit trail of each refused address once an hour, of the first ones that come."""
    now = time.monotonic()
    for known in [one for one, at in list(_noted.items()) if at + NOTED_SECONDS < now]:
        _noted.pop(known, None)
    if address in _noted or len(_noted) >= MOST_NOTED:
        return
    _noted[address] = now
    actor = Actor(
        user_id=None,
        origin=Origin.API if is_api(request) else Origin.WEB,
        request_id=getattr(request, "request_id", None),
        ip=address,
        agent=request.headers.get("User-Agent"),
    )
    try:
        audit.write(
            actor,
            "denied",
            "Request",
            event_type="ip_whitelist_violation",
            severity="medium",
            outcome="denied",
            description=f"Address {address} is not allowed",
        )
    except (DatabaseError, InterfaceError, VaultError):
        # The answer is a refusal in any case.
        log.exception("a refused address cannot be written to the audit trail")
