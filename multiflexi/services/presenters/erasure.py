"""Record types "erasure request" and "erasure step"."""

from __future__ import annotations

from typing import Any

from multiflexi.models import ErasureRequest, ErasureStep
from multiflexi.services.lists import same

SORTABLE = same(
    "id",
    "user_id",
    "request_date",
    "deletion_type",
    "status",
    "review_date",
    "completed_date",
    target_user_login="user_login",
    DatCreate="created_at",
    DatSave="updated_at",
)


def row(request: ErasureRequest) -> dict[str, Any]:
    """Reads the three accounts; join them for lists."""
    user, asked, reviewed = request.user, request.requested_by, request.reviewed_by
    return {
        "id": request.pk,
        "user_id": request.user_id,
        "target_user_login": request.user_login,
        "target_user_firstname": user.firstname if user else None,
        "target_user_lastname": user.lastname if user else None,
        "requested_by_user_id": request.requested_by_id,
        "requested_by_login": asked.login if asked else "",
        "request_date": request.request_date,
        "reason": request.reason,
        "deletion_type": request.deletion_type,
        "status": request.status,
        "reviewed_by_user_id": request.reviewed_by_id,
        "reviewed_by_login": reviewed.login if reviewed else None,
        "review_date": request.review_date,
        "review_notes": request.review_notes,
        "completed_date": request.completed_date,
        "legal_basis": request.legal_basis,
        "retention_period_days": request.retention_period_days,
        "DatCreate": request.created_at,
        "DatSave": request.updated_at,
        "due_at": request.due_at,
    }


def step(one: ErasureStep) -> dict[str, Any]:
    """Reads `performed_by`; join it."""
    return {
        "id": one.pk,
        "date": one.performed_date,
        "table": one.table_name,
        "record_id": one.record_id,
        "rows": one.rows,
        "action": one.action,
        "reason": one.reason,
        "performed_by": one.performed_by.login if one.performed_by else None,
    }
