"""The document as elements of the same names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multiflexi.formats.xml import HEAD, element

ROWS = {
    "company_associations": "company_association",
    "credentials": "credential",
    "activity_logs": "activity_log",
    "job_history": "job",
    "sessions": "session",
    "sign_ins": "sign_in",
    "data_export_requests": "data_export_request",
    "actions": "action",
    "api_tokens": "api_token",
    "passkeys": "passkey",
    "allowed_networks": "allowed_network",
    "privacy_requests": "privacy_request",
    "system_roles": "role",
}


def write(document: Mapping[str, Any]) -> bytes:
    """The file, in UTF-8."""
    text = HEAD + "".join(element("personal_data_export", dict(document), rows=ROWS))
    return text.encode("utf-8", "replace")
