"""Whether companies that share the Native executor are walled off from each other."""

from __future__ import annotations

from django.conf import settings

from multiflexi.executors.contract import Check
from multiflexi.models import Executor, RunTemplate, Sandbox

_SHOWN = 5


def look() -> Check | None:
    """A warning when applications without walls run natively for several companies, else None."""
    if settings.NATIVE_RUN_AS == "company":
        return None
    open_ones = RunTemplate.objects.filter(
        executor=Executor.NATIVE, active=True, archived_at=None, app__sandbox__in=(Sandbox.NONE, Sandbox.RESTRICTED)
    )
    companies = open_ones.values("company").distinct().count()
    if companies < 2:
        return None
    names = list(open_ones.order_by("app__name").values_list("app__name", flat=True).distinct()[: _SHOWN + 1])
    shown = ", ".join(names[:_SHOWN]) + (" and others" if len(names) > _SHOWN else "")
    return Check(
        "companies",
        "warning",
        f"{companies} companies share Native jobs that can reach each other's files ({shown})",
        "Give these applications the sandbox profile isolated, or set NATIVE_RUN_AS=company",
    )
