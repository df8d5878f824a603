"""Deleting a company with everything that belongs to it, in an order that the foreign keys allow."""

from __future__ import annotations

from multiflexi.models import (
    Company,
    CompanyApp,
    Credential,
    CredentialType,
    Job,
    RunTemplate,
    RunTemplateCredential,
)
from multiflexi.services import job_removal


def dependants(company: Company) -> dict[str, int]:
    """How many records of each kind belong to the company."""
    return {
        "run templates": RunTemplate.objects.filter(company=company).count(),
        "jobs": Job.objects.filter(company=company).count(),
        "credentials": Credential.objects.filter(company=company).count(),
        "credential types": CredentialType.objects.filter(company=company).count(),
        "applications assigned": CompanyApp.objects.filter(company=company).count(),
    }


def remove_with_dependants(company: Company) -> None:
    """Delete the company; call it in a transaction. Raises Refused while one of its jobs is under way."""
    job_removal.refuse_active(Job.objects.filter(company=company))
    job_removal.remove(Job.objects.filter(company=company))
    RunTemplate.objects.filter(company=company).delete()
    # Assignments from run templates of other companies cannot exist, but would protect the credential.
    RunTemplateCredential.objects.filter(credential__company=company).delete()
    Credential.objects.filter(company=company).delete()
    company.delete()
