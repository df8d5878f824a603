"""Record type "application"."""

from __future__ import annotations

from typing import Any

from multiflexi.models import Application, ConfField
from multiflexi.services import job_limits
from multiflexi.services.lists import same
from multiflexi.services.presenters.secrets import shown

SORTABLE = same(
    "id",
    "enabled",
    "name",
    "description",
    "executable",
    "setup",
    "cmdparams",
    "deploy",
    "homepage",
    "ociimage",
    "version",
    "code",
    "uuid",
    "resultfile",
    "deffile",
    DatCreate="created_at",
    DatUpdate="updated_at",
    appversion="version",
)


def row(app: Application) -> dict[str, Any]:
    """Reads `artifact_definitions`; prefetch them for lists."""
    tags = ",".join(app.tags or [])
    return {
        "id": app.pk,
        "enabled": app.enabled,
        "image": app.image,
        "name": app.name,
        "description": app.description,
        "executable": app.executable,
        "DatCreate": app.created_at,
        "DatUpdate": app.updated_at,
        "setup": app.setup,
        "cmdparams": app.cmdparams,
        "deploy": app.deploy,
        "homepage": app.homepage,
        "requirements": ",".join(app.requirements or []),
        "ociimage": app.ociimage,
        "version": app.version,
        "code": app.code,
        "uuid": str(app.uuid),
        "tags": tags,
        "resultfile": app.resultfile,
        "artifacts": ",".join(one.path for one in app.artifact_definitions.all()),
        "deffile": app.deffile,
        "helmchart": _helm_chart(app),
        "topics": tags,
        "appversion": app.version,
        "sandbox": app.sandbox,
        **job_limits.shown(app),
    }


def _helm_chart(app: Application) -> str | None:
    block = app.kubernetes if isinstance(app.kubernetes, dict) else {}
    helm = block.get("helm")
    chart = helm.get("chart") if isinstance(helm, dict) else None
    return str(chart) if chart else None


def field(one: ConfField) -> dict[str, Any]:
    """A row of `application:show-config`."""
    return {
        "code": one.keyname,
        "name": one.name or one.keyname,
        "type": one.type,
        "required": one.required,
        "default": shown(one.defval, secret=True) if one.is_secret and one.defval else one.defval,
        "description": one.description,
        "secret": one.is_secret,
        "category": one.category,
    }
