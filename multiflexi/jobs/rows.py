"""Everything stored that the environments of a batch of jobs are made of, in a constant number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from django.db.models import Q, prefetch_related_objects
from django.utils.translation import gettext as _

from multiflexi.jobs import credential_values
from multiflexi.jobs.inputs import input_path
from multiflexi.jobs.layers import COMPANY, DEFINITION, RUNTEMPLATE, Offer, Sealed, plain_text
from multiflexi.models import (
    CompanyEnv,
    ConfField,
    Configuration,
    Credential,
    FieldType,
    FileStore,
    Job,
    RunTemplate,
    RunTemplateCredential,
)
from multiflexi.vault import envelope

if TYPE_CHECKING:
    from multiflexi.jobs.credential_values import Answers

T = TypeVar("T")
Assigned = defaultdict[int, list[Credential]]
"""Credentials by the id of the run template they are assigned to; without any for an unknown one."""
# Large columns of a credential's type and prototype that neither a job nor a check needs.
NOT_NEEDED = (
    "credential_type__logo",
    "credential_type__manifest",
    "credential_type__credential_prototype__logo",
    "credential_type__credential_prototype__manifest",
    "credential_type__credential_prototype__description",
)


class ForeignCredential(ValueError):
    """A credential of another company is assigned to the run template."""


@dataclass
class Rows:
    """The stored rows by the id of what they belong to."""

    fields: dict[int, list[ConfField]]
    company: dict[int, list[CompanyEnv]]
    configuration: dict[int, list[Configuration]]
    assigned: Assigned
    provided: dict[int, list[Offer]]
    uploads: dict[tuple[str, int], list[FileStore]]

    def offers(self, job: Job, system: Sequence[Offer], directory: str) -> Iterator[Offer]:
        """All offers for one job from the lowest layer to the overrides.

        Raises ForeignCredential rather than handing a secret to another company.
        """
        fields = self.fields[job.app_id]
        template = job.runtemplate_id or 0
        yield from system
        yield from _definition(fields)
        yield from _company(self.company[job.company_id])
        yield from _configuration(self.configuration[template], {row.keyname for row in fields if row.obsolete})
        yield from _uploads(self.uploads["runtemplate", template], RUNTEMPLATE, directory)
        for credential in self.assigned.get(template, ()):
            if {credential.company_id, credential.credential_type.company_id} - {job.company_id, None}:
                raise ForeignCredential(_foreign(credential))
            yield from (_placed(offer, directory) for offer in self.provided[credential.pk])
        override = f"override:{job.launched_by_id}"
        yield from _overrides(job, override)
        yield from _uploads(self.uploads["job", job.pk], override, directory)


def assigned(jobs: Sequence[Job]) -> Assigned:
    """The credentials of each run template in the order of their positions, with type and prototype, in one query."""
    return _assigned({job.runtemplate_id for job in jobs if job.runtemplate_id is not None})


def of_templates(templates: Iterable[RunTemplate]) -> Assigned:
    """The credentials of each run template, as `assigned`."""
    return _assigned({template.pk for template in templates})


def _assigned(template_ids: Set[int]) -> Assigned:
    found: Assigned = defaultdict(list)
    links = RunTemplateCredential.objects.filter(runtemplate_id__in=template_ids).order_by("position", "id")
    kinds = links.select_related("credential__credential_type__credential_prototype")
    for link in kinds.defer(*(f"credential__{name}" for name in NOT_NEEDED)):
        found[link.runtemplate_id].append(link.credential)
    return found


def load(jobs: Sequence[Job], answers: Answers, credentials: Assigned | None = None) -> Rows:
    """Read the rows of all jobs: at most twelve queries, however many jobs there are."""
    prefetch_related_objects(jobs, "app", "company", "runtemplate")
    apps = {job.app_id for job in jobs}
    companies = {job.company_id for job in jobs}
    templates = {job.runtemplate_id for job in jobs if job.runtemplate_id is not None}
    fields = _grouped("app_id", ConfField.objects.filter(app_id__in=apps).order_by("position", "id"))
    if credentials is None:
        credentials = assigned(jobs)
    configured = Configuration.objects.filter(runtemplate_id__in=templates, inactive=False, value__isnull=False)
    wanted = (row for template_id in templates for row in credentials.get(template_id, ()))
    return Rows(
        fields=fields,
        company=_grouped("company_id", CompanyEnv.objects.filter(company_id__in=companies)),
        configuration=_grouped("runtemplate_id", configured),
        assigned=credentials,
        provided=credential_values.offers(wanted, answers),
        uploads=_load_uploads(jobs, fields),
    )


def _grouped(attribute: str, rows: Iterable[T]) -> dict[int, list[T]]:
    grouped: dict[int, list[T]] = defaultdict(list)
    for row in rows:
        grouped[getattr(row, attribute)].append(row)
    return grouped


def _load_uploads(jobs: Sequence[Job], fields: dict[int, list[ConfField]]) -> dict[tuple[str, int], list[FileStore]]:
    """Uploads without their content, oldest first; only applications with file fields are asked for."""
    found: dict[tuple[str, int], list[FileStore]] = defaultdict(list)
    takers = [job for job in jobs if any(row.type == FieldType.FILE_PATH for row in fields[job.app_id])]
    if not takers:
        return found
    owner = Q(job_id__in=[job.pk for job in takers]) | Q(
        runtemplate_id__in={job.runtemplate_id for job in takers}, job_id__isnull=True
    )
    for row in FileStore.objects.filter(owner).defer("file_data").order_by("id"):
        found[("job", row.job_id) if row.job_id is not None else ("runtemplate", row.runtemplate_id or 0)].append(row)
    return found


def _definition(fields: Iterable[ConfField]) -> Iterator[Offer]:
    for row in fields:
        if row.defval is not None and not row.obsolete:
            yield Offer(row.keyname, row.defval, DEFINITION, row.is_secret, type=row.type)


def _company(rows: Iterable[CompanyEnv]) -> Iterator[Offer]:
    for row in rows:
        place = Sealed("company_env", "value", row.pk) if row.secret else None
        yield Offer(row.keyword, row.value, COMPANY, row.secret, place)


def _configuration(rows: Iterable[Configuration], obsolete: set[str]) -> Iterator[Offer]:
    for row in rows:
        if row.value is not None and row.name not in obsolete:
            place = Sealed("configuration", "value", row.pk) if row.is_encrypted else None
            yield Offer(row.name, row.value, RUNTEMPLATE, row.is_encrypted, place)


def _uploads(rows: Iterable[FileStore], source: str, directory: str) -> Iterator[Offer]:
    for row in rows:
        path = input_path(directory, row.field, row.file_name)
        yield Offer(row.field, path, source, type=FieldType.FILE_PATH, upload_id=row.pk)


def _placed(offer: Offer, directory: str) -> Offer:
    """An offer with the path that its file will have."""
    if offer.upload_id is None:
        return offer
    return replace(offer, text=input_path(directory, offer.name, offer.text))


def _overrides(job: Job, source: str) -> Iterator[Offer]:
    for name, value in (job.overrides or {}).items():
        if value is None:
            continue
        text = plain_text(value)
        place = Sealed("job", f"overrides.{name}", job.pk) if envelope.looks_sealed(text) else None
        yield Offer(name, text, source, place is not None, place)


def _foreign(credential: Credential) -> str:
    return _(
        "Credential %(name)s (%(id)d) belongs to another company than the job and was not handed over. "
        "Unassign it from the run template."
    ) % {"name": credential.name, "id": credential.pk}
