"""Record type "company"."""

from __future__ import annotations

import json
from typing import Any

from multiflexi.models import Company, CompanyEnv
from multiflexi.services.lists import same
from multiflexi.services.presenters.secrets import shown

SORTABLE = same(
    "id",
    "enabled",
    "logo",
    "name",
    "ic",
    "customer",
    "email",
    "slug",
    "retention_until",
    "marked_for_deletion",
    "zabbix_host",
    DatCreate="created_at",
    DatUpdate="updated_at",
)


def row(company: Company) -> dict[str, Any]:
    """`server` and `setup` belong to a removed integration; clients still decode them."""
    return {
        "id": company.pk,
        "enabled": company.enabled,
        "settings": None if company.settings is None else json.dumps(company.settings),
        "logo": company.logo,
        "server": 0,
        "name": company.name,
        "ic": company.ic,
        "setup": False,
        "DatCreate": company.created_at,
        "DatUpdate": company.updated_at,
        "customer": company.customer_id,
        "email": company.email,
        "slug": company.slug,
        "retention_until": company.retention_until,
        "marked_for_deletion": company.marked_for_deletion,
        "zabbix_host": company.zabbix_host,
    }


def variable(entry: CompanyEnv) -> dict[str, Any]:
    return {
        "id": entry.pk,
        "company_id": entry.company_id,
        "keyword": entry.keyword,
        "value": shown(entry.value, secret=entry.secret),
        "secret": entry.secret,
    }
