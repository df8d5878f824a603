"""Values of run templates that an assigned credential overrides: they rest, and come back when it is unassigned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from multiflexi.jobs import credential_values
from multiflexi.jobs.queue import backend
from multiflexi.models import Configuration, Credential, RunTemplate, RunTemplateCredential


def refresh(template_ids: Sequence[int]) -> dict[int, list[str]]:
    """Let exactly the overridden values rest; the names that rest since now, by run template. Call it in a transaction.

    The run templates are locked first, as everybody does who changes their values.
    """
    templates = RunTemplate.objects.filter(pk__in=template_ids).order_by("pk")
    list(backend().lock_waiting(templates).values_list("pk", flat=True))
    offered = _offered(template_ids)
    rows = Configuration.objects.filter(runtemplate_id__in=template_ids).order_by("pk")
    resting: list[int] = []
    back: list[int] = []
    names: dict[int, list[str]] = defaultdict(list)
    for row in rows.only("pk", "name", "inactive", "runtemplate_id"):
        overridden = any(row.name in found for _credential, found in offered[row.runtemplate_id])
        if overridden and not row.inactive:
            resting.append(row.pk)
            names[row.runtemplate_id].append(row.name)
        elif row.inactive and not overridden:
            back.append(row.pk)
    Configuration.objects.filter(pk__in=resting).update(inactive=True)
    Configuration.objects.filter(pk__in=back).update(inactive=False)
    return names


def clashes(template: RunTemplate) -> list[str]:
    """Variables that more than one assigned credential offers, and whose value counts: that of the last one."""
    givers: dict[str, list[Credential]] = defaultdict(list)
    for credential, names in _offered([template.pk])[template.pk]:
        for name in names:
            givers[name].append(credential)
    return [
        _("%(name)s is offered by %(credentials)s; the value of %(last)s counts.")
        % {"name": name, "credentials": ", ".join(map(_named, found)), "last": _named(found[-1])}
        for name, found in sorted(givers.items())
        if len(found) > 1
    ]


def offered(template: RunTemplate) -> set[str]:
    """Variables that assigned credentials of a run template have values for."""
    return {name for _credential, names in _offered([template.pk])[template.pk] for name in names}


def _offered(template_ids: Sequence[int]) -> dict[int, list[tuple[Credential, set[str]]]]:
    """The assigned credentials of each run template in their order, with the variables they have values for."""
    links = list(_links(template_ids))
    offers = credential_values.offers(link.credential for link in links)
    found: dict[int, list[tuple[Credential, set[str]]]] = defaultdict(list)
    for link in links:
        names = {offer.name for offer in offers[link.credential_id]}
        found[link.runtemplate_id].append((link.credential, names))
    return found


def _links(template_ids: Sequence[int]) -> QuerySet[RunTemplateCredential]:
    links = RunTemplateCredential.objects.filter(runtemplate_id__in=template_ids)
    return links.select_related("credential__credential_type").order_by("position", "pk")


def _named(credential: Credential) -> str:
    return f"{credential.name} ({credential.pk})"
