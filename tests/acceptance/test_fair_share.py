"""A long backlog of one company does not hold up the single job of another; real executor, real processes."""

from __future__ import annotations

import pytest

from multiflexi.models import Company, Job, JobStatus
from tests.crash.live import Live, until

PLACES = PREFETCH = 4


@pytest.mark.slow
def test_one_job_of_another_company_overtakes_a_backlog(live: Live, acme: Company, globex: Company) -> None:
    app = live.app("sleep 0.2")
    backlog = live.template(app, acme)
    for _ in range(80):
        live.job(backlog)
    live.executor()
    ended = Job.objects.filter(runtemplate=backlog, status=JobStatus.SUCCESS)
    until(lambda: ended.count() >= 8, "the first jobs of the backlog")
    job = Job.objects.get(pk=live.job(live.template(app, globex)))
    until(lambda: Job.objects.filter(pk=job.pk, begin__isnull=False).exists(), "the start of the other company's job")
    job.refresh_from_db()
    before = Job.objects.filter(runtemplate=backlog, begin__gt=job.created_at, begin__lt=job.begin).count()
    assert before <= PLACES + PREFETCH
    assert Job.objects.filter(runtemplate=backlog, begin=None).exists(), "the backlog was over, so nothing was proven"
