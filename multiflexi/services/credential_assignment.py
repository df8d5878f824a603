"""Credentials assigned to run templates: the only place where such a link is written.

A run template gets credentials of its own company only. Whoever starts a job refuses others once more.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Max, Q, QuerySet

from multiflexi.jobs import deferring
from multiflexi.jobs.queue import backend
from multiflexi.jobs.requirements import canonical
from multiflexi.models import Credential, CredentialType, RunTemplate, RunTemplateCredential
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import changes, lookup, schedules, shadowing
from multiflexi.services.errors import Refused
from multiflexi.services.rights import need
from multiflexi.services.scope import visible


@dataclass
class Assigned:
    """What an assignment did: the credentials it replaced, the values of the run template that rest because of it,
    and variables that several credentials offer, in words."""

    changed: bool
    position: int
    replaced: list[int] = field(default_factory=list)
    resting: list[str] = field(default_factory=list)
    clashes: list[str] = field(default_factory=list)


def query(actor: Actor, template: RunTemplate) -> QuerySet[RunTemplateCredential]:
    """The assignments of a run template in the order in which they count, the last one most."""
    rows = visible(RunTemplateCredential, actor).filter(runtemplate=template)
    return rows.select_related("credential__credential_type").order_by("position", "pk")


def assign(actor: Actor, template: RunTemplate, credential: Credential, *, position: int | None = None) -> Assigned:
    """Give a run template a credential, in place of the one of the same prototype, else behind the others.

    A value of a later position wins. Raises NotFound, and Refused for a credential of another company.
    """
    with transaction.atomic():
        # The credential is locked before the run template, as by everybody who changes it.
        credential = _locked_credential(actor, _found_template(actor, template), credential)
        template = _locked_template(actor, template)
        links = list(
            RunTemplateCredential.objects.filter(runtemplate=template)
            .select_related("credential__credential_type__credential_prototype")
            .order_by("position", "pk")
        )
        link = next((one for one in links if one.credential_id == credential.pk), None)
        kind = _kind(credential.credential_type)
        rivals = [one for one in links if one is not link and _kind(one.credential.credential_type) == kind]
        position = _position(template, position, link, rivals)
        if link and link.position == position and not rivals:
            return Assigned(False, position, clashes=shadowing.clashes(template))
        RunTemplateCredential.objects.filter(pk__in=[one.pk for one in rivals]).delete()
        if link is None:
            RunTemplateCredential.objects.create(runtemplate=template, credential=credential, position=position)
        else:
            changes.save(link, changes.assign(link, {"position": position}))
        replaced = [one.credential_id for one in rivals]
        resting = _after_change(template)
        audit.write(
            actor,
            "assign",
            template,
            severity="medium",
            event_type="credential_assigned",
            data={"credential_id": credential.pk, "position": position, "replaced": replaced, "resting": resting},
        )
        return Assigned(True, position, replaced, resting, shadowing.clashes(template))


def unassign(actor: Actor, template: RunTemplate, credential: Credential) -> bool:
    """Take a credential away and say whether it was assigned; values it overrode count again."""
    with transaction.atomic():
        template = _locked_template(actor, template)
        removed, _each = RunTemplateCredential.objects.filter(runtemplate=template, credential=credential).delete()
        if not removed:
            return False
        _after_change(template)
        audit.write(
            actor,
            "unassign",
            template,
            severity="medium",
            event_type="credential_unassigned",
            data={"credential_id": credential.pk},
        )
    return True


def copy(source: RunTemplate, target: RunTemplate) -> None:
    """Give a run template the credentials of another one, as far as they belong to its company."""
    links = RunTemplateCredential.objects.filter(runtemplate=source, credential__company=target.company_id)
    for link in links.order_by("position", "pk"):
        RunTemplateCredential.objects.create(
            runtemplate=target, credential_id=link.credential_id, position=link.position
        )


def _locked_credential(actor: Actor, template: RunTemplate, credential: Credential) -> Credential:
    seen = visible(Credential, actor).filter(pk=credential.pk)
    own = backend().lock_waiting(seen.filter(company=template.company_id)).first()
    if own is None and not seen.exists():
        raise lookup.not_found("Credential", f"id {credential.pk}")
    # A type holds secrets of its company, too.
    types = CredentialType.objects.filter(Q(company=None) | Q(company=template.company_id))
    if own is None or not types.filter(pk=own.credential_type_id).exists():
        raise Refused(
            f"Credential {credential.name} belongs to another company than run template {template.name}; assign one "
            "of its own company.",
            "foreign_credential",
        )
    return own


def _found_template(actor: Actor, template: RunTemplate) -> RunTemplate:
    found = lookup.by_id(_templates(actor), "Run template", template.pk)
    need(actor, "credentials.assign", found.company_id)
    return found


def _locked_template(actor: Actor, template: RunTemplate) -> RunTemplate:
    found = lookup.by_id(backend().lock_waiting(_templates(actor)), "Run template", template.pk)
    need(actor, "credentials.assign", found.company_id)
    return found


def _templates(actor: Actor) -> QuerySet[RunTemplate]:
    return visible(RunTemplate, actor).filter(archived_at=None)


def _kind(kind: CredentialType) -> str:
    """What two credentials of one run template may not have in common."""
    code = kind.credential_prototype.code if kind.credential_prototype else kind.prototype
    return canonical(code).casefold() or f"#{kind.pk}"


def _position(
    template: RunTemplate,
    wanted: int | None,
    link: RunTemplateCredential | None,
    rivals: list[RunTemplateCredential],
) -> int:
    if wanted is not None:
        return wanted
    if link or rivals:
        return (link or rivals[0]).position
    last = RunTemplateCredential.objects.filter(runtemplate=template).aggregate(last=Max("position"))["last"]
    return 0 if last is None else int(last) + 1


def _after_change(template: RunTemplate) -> list[str]:
    """The values of the run template that rest since now."""
    resting = shadowing.refresh([template.pk])
    schedules.refresh(RunTemplate.objects.filter(pk=template.pk))
    deferring.wake_those_of([template.pk])
    return resting.get(template.pk, [])
