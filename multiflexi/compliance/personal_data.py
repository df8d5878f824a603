"""What the installation knows of one person (articles 15 and 20 of the GDPR), as one document."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from multiflexi.access.authority import of_user
from multiflexi.compliance import account, activity
from multiflexi.compliance.reading import Reader, written
from multiflexi.models import User

VERSION = "1.0"
ARTICLE = "Article 15 - Right of Access"


def collect(
    user: User,
    *,
    now: datetime,
    address: str | None = None,
    agent: str | None = None,
    closed: Collection[int] = (),
) -> dict[str, Any]:
    """The document in plain JSON values; no secrets, nothing of other people, nothing of foreign companies.

    `address` and `agent` are where it is asked for from, `closed` companies that do not exist for that address.
    `export_metadata.truncated` says which lists are cut, and `withheld` how many records belong to companies that the
    person is no member of, or that are closed.
    """
    authority = of_user(user, closed=closed)
    reader = Reader(authority.company_ids, authority.closed)
    found: dict[str, Any] = {
        "user_profile": account.profile(user),
        "company_associations": activity.companies(reader, user),
        "credentials": activity.credentials(reader, user, authority),
        "activity_logs": activity.logs(reader, user),
        "job_history": activity.jobs(reader, user),
        # Nothing that takes a consent is in use.
        "consent_records": {"consent_records": [], "consent_audit_trail": []},
        "session_history": account.sessions(reader, user, address, agent),
        "audit_trails": activity.audit(reader, user),
        "api_tokens": account.tokens(reader, user),
        "passkeys": account.passkeys(reader, user),
        "allowed_networks": account.networks(reader, user),
        "privacy_requests": activity.privacy_requests(reader, user),
    }
    return {"export_metadata": _metadata(user, now, reader), **found}


def _metadata(user: User, now: datetime, reader: Reader) -> dict[str, Any]:
    return {
        "export_date": written(now),
        "user_id": user.pk,
        "export_version": VERSION,
        "gdpr_article": ARTICLE,
        "data_controller": settings.MULTIFLEXI_DATA_CONTROLLER or _("The operator of this MultiFlexi installation"),
        "retention_info": _(
            "Jobs, logs and the audit trail are kept until a retention policy of the operator removes them; an account "
            "until it is deleted or erased at the request of its owner."
        ),
        "contact_info": settings.MULTIFLEXI_PRIVACY_CONTACT
        or _("Write to the administrator of this installation, who can tell the data protection officer."),
        "purposes": _("Running scheduled jobs for companies, and proving who did what in them."),
        "recipients": _("The operator, and administrators of the companies that the account belongs to."),
        "origin": _("Entered by you or an administrator, else written while you used the installation."),
        "rights": _(
            "You may ask for correction, erasure, restriction and portability, object to the processing, and complain "
            "to the supervisory authority. No decision is made about you by automated means alone."
        ),
        "truncated": reader.truncated,
        "withheld": reader.withheld,
    }
