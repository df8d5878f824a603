"""Why a job ended as it did."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from multiflexi.models import UNSUCCESSFUL_STATES, Availability, FailureReason, Job, JobStatus, RunTemplateCredential
from multiflexi.services.explain.reason import Reason

# Words of `reason_detail` of lost jobs.
EVIDENCE: dict[str, str | Promise] = {
    "wrapper_gone": gettext_lazy("Its process was gone and had left no exit code."),
    "host_rebooted": gettext_lazy("Its host was restarted while it ran."),
    "no_evidence": gettext_lazy("Nothing was left that tells what became of it."),
    "engine_unknown": gettext_lazy("The container engine does not know it any more."),
    "owner_silent": gettext_lazy("Its executor was silent for too long."),
}


def ended_because(job: Job) -> Iterator[Reason]:
    """How it ended, whether it had begun at all, and whether it is repeated; its run template must be loaded."""
    yield Reason(str(job.failure_reason or job.status), _cause(job), since=job.end)
    if job.begin is None:
        yield Reason("unstarted", _("It was never started."))
    if job.status in UNSUCCESSFUL_STATES:
        yield from _repetition(job)


def _cause(job: Job) -> str:
    if job.failure_reason is None and job.status in (JobStatus.SUCCESS, JobStatus.FAILED):
        if job.exit_signal:
            return _("The application was ended by signal %(number)d.") % {"number": job.exit_signal}
        return _("The application ended with exit code %(code)s.") % {"code": job.exitcode}
    words = dict(FailureReason.choices)
    label = words.get(str(job.failure_reason), job.failure_reason) or JobStatus(job.status).label
    detail = job.block_reason or job.reason_detail
    if not detail:
        return f"{label}."
    return f"{label}: {EVIDENCE.get(detail, detail)}"


def _repetition(job: Job) -> Iterator[Reason]:
    repeated = tuple(job.retries.order_by("pk").values_list("pk", flat=True))
    if repeated:
        numbers = ", ".join(map(str, repeated))
        yield Reason("repeated", _("It was repeated as job %(jobs)s.") % {"jobs": numbers}, jobs=repeated)
    elif job.status == JobStatus.BLOCKED and job.runtemplate:
        yield Reason("repeat", _how_to_repeat(job))
    elif job.runtemplate and job.attempt > job.runtemplate.max_retries:
        text = _("It is not repeated: this was attempt %(attempt)d of %(most)d.")
        yield Reason(
            "last_attempt", text % {"attempt": job.attempt, "most": max(job.attempt, job.runtemplate.max_retries + 1)}
        )


def _how_to_repeat(job: Job) -> str:
    """What a person has to do, because a blocked job is never repeated by itself."""
    assigned = RunTemplateCredential.objects.filter(runtemplate=job.runtemplate_id).order_by("position", "pk")
    credentials = [link.credential for link in assigned.select_related("credential")]
    wrong = [one for one in credentials if one.availability == Availability.MISCONFIGURED]
    if not credentials:
        return _("A blocked job is not repeated by itself; repeat it with job:retry --id %(job)d.") % {"job": job.pk}
    if wrong:
        text = _(
            "Correct credential %(name)s, see with credential:check --id %(id)d --refresh that it works, and repeat "
            "the job with job:retry --id %(job)d, or all that it has blocked with job:retry --blocked-by %(id)d."
        )
    else:
        text = _(
            "Nothing is known against its credentials now. Repeat the job with job:retry --id %(job)d, or all that "
            "credential %(name)s has blocked with job:retry --blocked-by %(id)d."
        )
    # The reason names the credential with its id, in whatever language.
    named = [one for one in wrong or credentials if f"({one.pk})" in (job.block_reason or "")]
    chosen = [*named, *wrong, *credentials][0]
    return text % {"job": job.pk, "name": chosen.name, "id": chosen.pk}
