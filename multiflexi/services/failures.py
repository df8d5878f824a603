"""What failed in the same way."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Max, Min, QuerySet

from multiflexi.models import UNSUCCESSFUL_STATES, AppExitCode, Job

MOST = 200


def patterns(jobs: QuerySet[Job], language: str = "en") -> list[dict[str, Any]]:
    """Unsuccessful ones of the jobs by application, exit code and reason, the most frequent first; 3 queries."""
    rows = jobs.filter(status__in=UNSUCCESSFUL_STATES).order_by()
    found: list[dict[str, Any]] = [
        dict(row)
        for row in rows.values("app_id", "app__name", "exitcode", "failure_reason")
        .annotate(
            jobs=Count("pk"),
            runtemplates=Count("runtemplate_id", distinct=True),
            companies=Count("company_id", distinct=True),
            first=Min("end"),
            last=Max("end"),
            last_job_id=Max("pk"),
        )
        .order_by("-jobs", "app_id", "exitcode", "failure_reason")[:MOST]
    ]
    known = _codes({row["app_id"] for row in found})
    for row in found:
        row["app_name"] = row.pop("app__name")
        code = known.get((row["app_id"], row["exitcode"]))
        texts = {one.lang: one.description for one in code.translations.all()} if code else {}
        row["meaning"] = texts.get(language) or texts.get("en") or next(iter(texts.values()), None)
        row["severity"] = code.severity if code else None
    return found


def _codes(app_ids: set[int]) -> dict[tuple[int, int | None], AppExitCode]:
    rows = AppExitCode.objects.filter(app_id__in=app_ids).prefetch_related("translations")
    return {(row.app_id, row.exit_code): row for row in rows}
