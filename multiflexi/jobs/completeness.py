"""Whether a run template has everything its application asks for: required values and required credentials."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set

from django.utils.translation import gettext as _

from multiflexi.jobs.requirements import canonical
from multiflexi.models import (
    CompanyEnv,
    ConfField,
    Configuration,
    CredentialPrototypeField,
    CredentialTypeValue,
    CredentialValue,
    FileStore,
    RunTemplate,
    RunTemplateCredential,
    TypeValueKind,
)

Names = dict[int, set[str]]


def missing_by_template(templates: Sequence[RunTemplate]) -> dict[int, list[str]]:
    """What each run template still needs, in words, in a constant number of queries; `app` has to be loaded.

    A required variable needs a value from any layer; a required credential is an assigned one of that kind, or values
    from elsewhere for all variables that this kind requires.
    """
    ids = [template.pk for template in templates]
    fields = ConfField.objects.filter(app_id__in={template.app_id for template in templates}, obsolete=False)
    required, defaults = _fields(fields)
    company = _grouped(
        CompanyEnv.objects.filter(company_id__in={template.company_id for template in templates})
        .exclude(value="")
        .values_list("company_id", "keyword")
    )
    configured = _grouped(
        Configuration.objects.filter(runtemplate_id__in=ids, inactive=False, value__isnull=False)
        .exclude(value="")
        .values_list("runtemplate_id", "name")
    )
    uploaded = _grouped(FileStore.objects.filter(runtemplate_id__in=ids).values_list("runtemplate_id", "field"))
    codes, provided = _credentials(ids)
    provider_needs = _provider_needs(templates)
    found: dict[int, list[str]] = {}
    for template in templates:
        values = (
            defaults[template.app_id]
            | company[template.company_id]
            | configured[template.pk]
            | uploaded[template.pk]
            | provided[template.pk]
        )
        lacking = [name for name in required[template.app_id] if name not in values]
        found[template.pk] = lacking + _lacking_kinds(template, codes[template.pk], provider_needs, values)
    return found


def missing_credentials(template: RunTemplate, values: Set[str]) -> list[str]:
    """The required credentials that are neither assigned nor made up for by variables of these names, in words."""
    return _lacking_kinds(template, _credentials([template.pk])[0][template.pk], _provider_needs([template]), values)


def _lacking_kinds(
    template: RunTemplate, assigned: Set[str], needs: Mapping[str, Set[str]], values: Set[str]
) -> list[str]:
    kinds = {canonical(requirement).casefold(): canonical(requirement) for requirement in template.app.requirements}
    return [
        _("a credential of kind %(code)s") % {"code": kind}
        for code, kind in kinds.items()
        if code not in assigned and not needs.get(code, set()) <= values
    ]


def _fields(fields: Iterable[ConfField]) -> tuple[dict[int, list[str]], Names]:
    required: dict[int, list[str]] = defaultdict(list)
    defaults: Names = defaultdict(set)
    for field in fields:
        if field.required:
            required[field.app_id].append(field.keyname)
        if field.defval:
            defaults[field.app_id].add(field.keyname)
    return required, defaults


def _grouped(pairs: Iterable[tuple[int | None, str]]) -> Names:
    grouped: Names = defaultdict(set)
    for owner, name in pairs:
        grouped[owner or 0].add(name)
    return grouped


def _credentials(template_ids: Sequence[int]) -> tuple[Names, Names]:
    """Kinds of credentials assigned to each run template, and the variables they have values for."""
    links = list(
        RunTemplateCredential.objects.filter(runtemplate_id__in=template_ids).values_list(
            "runtemplate_id",
            "credential_id",
            "credential__credential_type_id",
            "credential__credential_type__prototype",
        )
    )
    codes: Names = defaultdict(set)
    provided: Names = defaultdict(set)
    if not links:
        return codes, provided
    own = _grouped(
        CredentialValue.objects.filter(credential_id__in={link[1] for link in links}, value__isnull=False)
        .exclude(value="")
        .values_list("credential_id", "name")
    )
    of_type = _grouped(
        CredentialTypeValue.objects.filter(credential_type_id__in={link[2] for link in links}, value__isnull=False)
        .exclude(kind=TypeValueKind.INTERNAL)
        .exclude(value="")
        .values_list("credential_type_id", "name")
    )
    for template_id, credential_id, type_id, prototype in links:
        codes[template_id].add(canonical(prototype).casefold())
        provided[template_id] |= own[credential_id] | of_type[type_id]
    return codes, provided


def _provider_needs(templates: Sequence[RunTemplate]) -> dict[str, set[str]]:
    """Variables that credentials of each required kind must have, by the kind's code."""
    if not any(template.app.requirements for template in templates):
        return {}
    needs: dict[str, set[str]] = defaultdict(set)
    fields = CredentialPrototypeField.objects.filter(required=True, obsolete=False)
    for code, keyword in fields.values_list("credential_prototype__code", "keyword"):
        needs[code.casefold()].add(keyword)
    return needs
