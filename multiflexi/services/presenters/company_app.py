"""Rows of `company-app:list`: one per run template of the pair, or one without when there is none."""

from __future__ import annotations

from typing import Any

from multiflexi.models import CompanyApp
from multiflexi.services.lists import same

SORTABLE = same(
    "company_id",
    "app_id",
    id="template_id",
    company_name="company__name",
    company_slug="company__slug",
    app_name="app__name",
    app_uuid="app__uuid",
)


def row(pair: CompanyApp, template_id: int | None) -> dict[str, Any]:
    """`id` is that of the run template. Reads `company` and `app`; join them for lists."""
    return {
        "id": template_id,
        "company_id": pair.company_id,
        "company_name": pair.company.name,
        "company_slug": pair.company.slug,
        "app_id": pair.app_id,
        "app_name": pair.app.name,
        "app_uuid": str(pair.app.uuid),
    }
