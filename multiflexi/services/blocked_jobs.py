"""Jobs that a credential has blocked, and their repetition once it was corrected."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import QuerySet

from multiflexi.credentials.judging import in_words
from multiflexi.jobs.queue import backend
from multiflexi.models import Availability, Credential, Job, JobStatus
from multiflexi.record.actor import Actor
from multiflexi.services import job, lookup
from multiflexi.services.credential import NOUN
from multiflexi.services.errors import Invalid, Refused
from multiflexi.services.rights import need
from multiflexi.services.scope import visible


@dataclass
class Repeated:
    """The new jobs, and by the id of the blocked job why others were not repeated."""

    made: list[Job] = field(default_factory=list)
    left: dict[int, str] = field(default_factory=dict)


def of(actor: Actor, credential: Credential) -> QuerySet[Job]:
    """Blocked jobs of run templates that have the credential now, oldest first, without those repeated already."""
    rows = visible(Job, actor).filter(status=JobStatus.BLOCKED, retries=None, company=credential.company_id)
    used = rows.filter(runtemplate__assigned_credentials__credential=credential)
    return used.select_related("app", "company", "runtemplate").order_by("pk")


def repeat(actor: Actor, credential: Credential, *, reason: str | None = None) -> Repeated:
    """Repeat all of them, each once, whoever else asks for it at the same time.

    Raises NotFound, and Refused while the credential is known to be misconfigured.
    """
    repeated = Repeated()
    with transaction.atomic():
        credential = lookup.by_id(backend().lock_waiting(visible(Credential, actor)), NOUN, credential.pk)
        need(actor, "jobs.execute", credential.company_id)
        if not is_usable(credential.pk):
            raise Refused(
                f"{in_words(credential)} Its jobs would be blocked again; correct it, or see with credential:check "
                f"--id {credential.pk} --refresh whether it works by now.",
                "credential_misconfigured",
            )
        for one in of(actor, credential):
            try:
                repeated.made.append(job.retry(actor, one, reason=reason))
            except (Refused, Invalid) as error:
                repeated.left[one.pk] = error.message
    return repeated


def is_usable(credential_id: int) -> bool:
    """Whether nothing that counts now says that the credential would block a job."""
    wrong = Credential.objects.filter(pk=credential_id, availability=Availability.MISCONFIGURED)
    return not wrong.filter(check_valid_until__gt=backend().now()).exists()
