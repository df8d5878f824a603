"""What is there now of some companies, read with a number of queries that does not depend on how many they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from django.db.models import Model, Q, QuerySet

from multiflexi.models import (
    Application,
    Company,
    CompanyApp,
    CompanyEnv,
    ConfField,
    Configuration,
    Credential,
    CredentialPrototype,
    CredentialPrototypeField,
    CredentialType,
    CredentialTypeValue,
    CredentialValue,
    RunTemplate,
    RunTemplateCredential,
)
from multiflexi.record.actor import Actor
from multiflexi.services.scope import visible
from multiflexi.vault.secrecy import is_secret_field

M = TypeVar("M", bound=Model)


@dataclass
class Held:
    """One company with all that belongs to it, in order of ids."""

    company: Company
    environment: dict[str, CompanyEnv] = field(default_factory=dict)
    applications: set[int] = field(default_factory=set)
    types: list[CredentialType] = field(default_factory=list)
    credentials: list[Credential] = field(default_factory=list)
    templates: list[RunTemplate] = field(default_factory=list)


@dataclass
class State:
    """The companies asked for, and what is common to all of them."""

    companies: list[Held]
    applications: dict[int, Application]
    prototypes: dict[str, CredentialPrototype]
    shared_types: list[CredentialType]
    type_values: dict[int, dict[str, CredentialTypeValue]]
    credential_values: dict[int, dict[str, CredentialValue]]
    configuration: dict[int, dict[str, Configuration]]
    assigned: dict[int, list[int]]
    required_secrets: dict[int, list[str]]
    open_fields: dict[int, set[str]]
    secret_variables: dict[int, set[str]]


def read(actor: Actor, companies: QuerySet[Company]) -> State:
    """The state of the companies of a query, as far as the actor sees them. Raises NotPermitted."""
    held = {one.pk: Held(one) for one in companies.order_by("pk")}
    ids = list(held)
    mine = Q(company__in=ids)
    for entry in visible(CompanyEnv, actor).filter(mine).order_by("keyword"):
        held[entry.company_id].environment[entry.keyword] = entry
    for company_id, app_id in visible(CompanyApp, actor).filter(mine).order_by("pk").values_list("company", "app"):
        held[company_id].applications.add(app_id)
    for template in visible(RunTemplate, actor).filter(mine, archived_at=None).order_by("pk"):
        held[template.company_id].templates.append(template)
    kinds = _by_id(visible(CredentialType, actor).filter(mine)) | _by_id(CredentialType.objects.filter(company=None))
    for kind in kinds.values():
        if kind.company_id:
            held[kind.company_id].types.append(kind)
    credentials = _by_id(visible(Credential, actor).filter(mine))
    for credential in credentials.values():
        held[credential.company_id].credentials.append(credential)
    assigned: dict[int, list[int]] = defaultdict(list)
    links = visible(RunTemplateCredential, actor).filter(runtemplate__company__in=ids).order_by("position", "pk")
    for template_id, credential_id in links.values_list("runtemplate", "credential"):
        assigned[template_id].append(credential_id)
    required_secrets, open_fields = _fields_of_prototypes()
    return State(
        companies=list(held.values()),
        applications=_by_id(visible(Application, actor).filter(retired_at=None)),
        prototypes={one.code: one for one in CredentialPrototype.objects.order_by("pk")},
        shared_types=[one for one in kinds.values() if one.company_id is None],
        type_values=_named(
            (one.credential_type_id, one.name, one)
            for one in CredentialTypeValue.objects.filter(
                Q(credential_type__company__in=ids) | Q(credential_type__company=None)
            ).order_by("pk")
        ),
        credential_values=_named(
            (one.credential_id, one.name, one)
            for one in CredentialValue.objects.filter(credential__company__in=ids, upload=None).order_by("pk")
        ),
        configuration=_named(
            (one.runtemplate_id, one.name, one)
            for one in Configuration.objects.filter(runtemplate__company__in=ids).order_by("name")
        ),
        assigned=assigned,
        required_secrets=required_secrets,
        open_fields=open_fields,
        secret_variables=_secret_variables(),
    )


def _by_id(rows: QuerySet[M]) -> dict[int, M]:
    return {one.pk: one for one in rows.order_by("pk")}


V = TypeVar("V")


def _named(rows: Iterable[tuple[int, str, V]]) -> dict[int, dict[str, V]]:
    grouped: dict[int, dict[str, V]] = defaultdict(dict)
    for owner, name, row in rows:
        grouped[owner][name] = row
    return grouped


def _fields_of_prototypes() -> tuple[dict[int, list[str]], dict[int, set[str]]]:
    """By prototype: the secret fields that its credentials have to have, and the fields that hold no secret."""
    required: dict[int, list[str]] = defaultdict(list)
    plain: dict[int, set[str]] = defaultdict(set)
    for row in CredentialPrototypeField.objects.filter(obsolete=False).order_by("position", "pk"):
        if not is_secret_field(row.keyword, row.type, row.secret or None):
            plain[row.credential_prototype_id].add(row.keyword)
        elif row.required:
            required[row.credential_prototype_id].append(row.keyword)
    return required, plain


def _secret_variables() -> dict[int, set[str]]:
    """Names of the secret variables that each application declares."""
    found: dict[int, set[str]] = defaultdict(set)
    for one in ConfField.objects.only("app_id", "keyname", "type", "secret", "secret_override").order_by("pk"):
        if one.is_secret:
            found[one.app_id].add(one.keyname)
    return found
