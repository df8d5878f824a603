"""Sign-in at Microsoft's identity platform, as Office 365 and Azure need it."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _

from multiflexi.credentials import classify, web
from multiflexi.credentials.contract import CannotResolve, Given
from multiflexi.credentials.network import Network
from multiflexi.credentials.verdicts import misconfigured
from multiflexi.models import Availability

GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")
_CODE = re.compile(r"AADSTS\d{4,8}")
_OUT_OF_DATE = "AADSTS7000222"


@dataclass(frozen=True)
class Token:
    """An access token, until when it counts, and what it may do."""

    text: str = field(repr=False)
    expires: str
    roles: list[str]


def tenant(given: Given, name: str) -> str:
    """The tenant in a field; a short name gets the domain that every tenant has. Raises CannotResolve."""
    text = given.text(name)
    if not _TENANT.fullmatch(text):
        raise misconfigured(_("%(name)s must be the name, domain or id of a tenant.") % {"name": name})
    return text if "." in text or GUID.fullmatch(text) else f"{text}.onmicrosoft.com"


def reject_secret_id(given: Given, name: str) -> None:
    """Raises CannotResolve for the usual mistake of entering the id of a secret instead of the secret."""
    if GUID.fullmatch(given.text(name)):
        raise misconfigured(
            _("What is in %(name)s is the secret's ID, not its value; create a new secret and copy its value.")
            % {"name": name}
        )


def token(network: Network, given: Given, login: str, tenant_name: str, fields: Mapping[str, str]) -> Token:
    """A token for these form fields. Raises CannotResolve with the code of the refusal, or Trouble."""
    headers, body = web.form(fields)
    address = web.url(given, "login", f"{login}/{tenant_name}/oauth2/v2.0/token")
    answer = web.ask(network, given, "POST", address, headers=headers, body=body)
    document = answer.json()
    found = document if isinstance(document, dict) else {}
    text = found.get("access_token")
    if answer.status == 200 and isinstance(text, str) and text:
        claims = _claims(text)
        return Token(text, _moment(claims.get("exp")), _roles(claims))
    result = classify.answer(answer)
    if result.state is not Availability.MISCONFIGURED:
        raise CannotResolve(result)
    code = _CODE.search(str(found.get("error_description", "")))
    if code and code[0] == _OUT_OF_DATE:
        raise misconfigured(
            _("The secret of the application has expired; create a new one and enter its value."),
            {"status": answer.status},
        )
    raise misconfigured(
        _("Microsoft refuses the sign-in (%(code)s); correct tenant, client id and secret, or user and password.")
        % {"code": code[0] if code else answer.status},
        {"status": answer.status},
    )


def _claims(text: str) -> Mapping[str, Any]:
    """What a token says about itself; it is not verified, because it only serves as information."""
    part = [*text.split("."), "", ""][1]
    try:
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, binascii.Error):
        claims = {}
    return claims if isinstance(claims, dict) else {}


def _moment(value: Any) -> str:
    try:
        return datetime.fromtimestamp(float(value), UTC).isoformat()
    except (TypeError, ValueError, OverflowError, OSError):
        return ""


def _roles(claims: Mapping[str, Any]) -> list[str]:
    """Permissions of an application, or those that a user lent it."""
    roles, lent = claims.get("roles"), claims.get("scp")
    found = [*(roles if isinstance(roles, list) else ()), *(lent.split() if isinstance(lent, str) else ())]
    return sorted(map(str, found))[:50]
