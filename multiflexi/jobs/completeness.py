"""Whether a run template has everything its application asks for: required values and required credentials."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple

from django.db.models import QuerySet, Value
from django.utils.translation import gettext as _

from multiflexi.jobs import rows
from multiflexi.jobs.requirements import canonical
from multiflexi.models import (
    CompanyEnv,
    ConfField,
    Configuration,
    Credential,
    CredentialPrototypeField,
    CredentialTypeValue,
    CredentialValue,
    FileStore,
    RunTemplate,
    RunTemplateCredential,
    TypeValueKind,
)
from multiflexi.models.compiled import Compiled

BATCH = 1000
Owner = int | str
Names = Mapping[tuple[str, Owner], Sequence[str]]


class _Link(NamedTuple):
    """An assigned credential, and the kind it is of."""

    template_id: int
    credential_id: int
    type_id: int
    kind: str


def missing_by_template(
    templates: Sequence[RunTemplate], assigned: rows.Assigned | None = None
) -> dict[int, list[str]]:
    """What each run template still needs, in words, in two queries for every thousand; `app` has to be loaded.

    A required variable needs a value from any layer; a required credential is an assigned one of that kind, or values
    from elsewhere for all variables that this kind requires. `assigned` are their credentials if they are known.
    """
    found: dict[int, list[str]] = {}
    for start in range(0, len(templates), BATCH):
        found |= _missing(templates[start : start + BATCH], assigned)
    return found


def _missing(templates: Sequence[RunTemplate], assigned: rows.Assigned | None) -> dict[int, list[str]]:
    links = _links(templates, assigned)
    by_template: defaultdict[int, list[_Link]] = defaultdict(list)
    for one in links:
        by_template[one.template_id].append(one)
    ask = _values_and_needs if any(template.app.requirements for template in templates) else _values
    names = _names(
        ask(
            *(sorted({getattr(one, owner) for one in templates}) for owner in ("app_id", "company_id", "pk")),
            sorted({one.credential_id for one in links}) or _NONE,
            sorted({one.type_id for one in links}) or _NONE,
        )
    )
    found: dict[int, list[str]] = {}
    for template in templates:
        own = by_template[template.pk]
        values = {
            *names["default", template.app_id],
            *names["company", template.company_id],
            *names["configured", template.pk],
            *names["uploaded", template.pk],
        }
        for one in own:
            values.update(names["credential", one.credential_id], names["type", one.type_id])
        lacking = [name for name in names["required", template.app_id] if name not in values]
        found[template.pk] = lacking + _lacking_kinds(template, [one.kind for one in own], names, values)
    return found


def missing_credentials(template: RunTemplate, values: Set[str], credentials: Sequence[Credential]) -> list[str]:
    """The required credentials that are neither assigned nor made up for by variables of these names, in words."""
    needs = _names(_needs()) if template.app.requirements else {}
    return _lacking_kinds(template, [one.credential_type.prototype for one in credentials], needs, values)


def _links(templates: Sequence[RunTemplate], assigned: rows.Assigned | None) -> list[_Link]:
    if assigned is None:
        return [_Link(*row) for row in _assigned([template.pk for template in templates])]
    return [
        _Link(template.pk, one.pk, one.credential_type_id, one.credential_type.prototype)
        for template in templates
        for one in assigned.get(template.pk, ())
    ]


def _lacking_kinds(template: RunTemplate, present: Iterable[str], needs: Names, values: Set[str]) -> list[str]:
    assigned = {canonical(one).casefold() for one in present}
    kinds = {canonical(requirement).casefold(): canonical(requirement) for requirement in template.app.requirements}
    return [
        _("a credential of kind %(code)s") % {"code": kind}
        for code, kind in kinds.items()
        if code not in assigned and not set(needs.get(("needs", code), ())) <= values
    ]


def _branches(
    app_ids: list[int], company_ids: list[int], template_ids: list[int], credential_ids: list[int], type_ids: list[int]
) -> Iterator[QuerySet[Any, Any]]:
    """Everything that has a say: what it is, whose, by id or code, and the name of a variable."""
    fields = ConfField.objects.filter(app_id__in=app_ids, obsolete=False)
    yield _named("required", "app_id", "keyname", fields.filter(required=True))
    yield _named("default", "app_id", "keyname", fields.filter(defval__isnull=False).exclude(defval=""))
    company = CompanyEnv.objects.filter(company_id__in=company_ids)
    yield _named("company", "company_id", "keyword", company.exclude(value=""))
    configured = Configuration.objects.filter(runtemplate_id__in=template_ids, inactive=False, value__isnull=False)
    yield _named("configured", "runtemplate_id", "name", configured.exclude(value=""))
    yield _named("uploaded", "runtemplate_id", "field", FileStore.objects.filter(runtemplate_id__in=template_ids))
    own = CredentialValue.objects.filter(credential_id__in=credential_ids, value__isnull=False)
    yield _named("credential", "credential_id", "name", own.exclude(value=""))
    of_type = CredentialTypeValue.objects.filter(credential_type_id__in=type_ids, value__isnull=False)
    internal = of_type.exclude(kind=TypeValueKind.INTERNAL)
    yield _named("type", "credential_type_id", "name", internal.exclude(value=""))


def _provider_needs() -> QuerySet[Any, Any]:
    """Variables that credentials of each kind must have, by the kind's code."""
    fields = CredentialPrototypeField.objects.filter(required=True, obsolete=False).order_by()
    return fields.values_list(Value("needs"), Value(0), "credential_prototype__code", "keyword", "pk")


def _named(what: str, owner: str, name: str, found: QuerySet[Any]) -> QuerySet[Any, Any]:
    return found.order_by().values_list(Value(what), owner, Value(""), name, "pk")


def _names(told: Iterable[tuple[Any, ...]]) -> defaultdict[tuple[str, Owner], list[str]]:
    """Names by what they are and whose, the oldest first."""
    found: defaultdict[tuple[str, Owner], list[str]] = defaultdict(list)
    for what, owner, code, name, _pk in sorted(told, key=lambda row: row[4]):
        found[what, code.casefold() or owner].append(name)
    return found


def _together(branches: Iterable[QuerySet[Any, Any]]) -> QuerySet[Any, Any]:
    first, *others = branches
    return first.union(*others, all=True)


# No row has it: where nothing is assigned.
_NONE = [0]
_assigned = Compiled(
    lambda template_ids: RunTemplateCredential.objects.filter(runtemplate_id__in=template_ids).values_list(
        "runtemplate_id", "credential_id", "credential__credential_type_id", "credential__credential_type__prototype"
    )
)
_needs = Compiled(_provider_needs)
_values = Compiled(lambda *ids: _together(_branches(*ids)))
_values_and_needs = Compiled(lambda *ids: _together([*_branches(*ids), _provider_needs()]))
