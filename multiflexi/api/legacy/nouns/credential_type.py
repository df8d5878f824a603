"""Credential types, and the prototypes they are made of."""

from __future__ import annotations

from typing import Any

from django.urls import get_script_prefix

from multiflexi.api.legacy.answers import Row
from multiflexi.api.legacy.call import Call
from multiflexi.api.legacy.fields import NULLABLE_NUMBER, NUMBER, REQUIRED_TEXT, TEXT, Field
from multiflexi.api.legacy.lists import Filter
from multiflexi.api.legacy.noun import Noun
from multiflexi.models import CredentialPrototype, CredentialType
from multiflexi.services import company, credential_prototype, credential_type
from multiflexi.services.errors import invalid_field
from multiflexi.services.presenters import credential_prototype as prototype_presenter
from multiflexi.services.presenters import credential_type as presenter

FIELDS = {
    "name": Field(REQUIRED_TEXT),
    "url": Field(TEXT),
    "logo": Field(TEXT),
    "company_id": Field(NULLABLE_NUMBER),
    "prototype": Field(TEXT),
}


def _row(one: CredentialType) -> Row:
    told = one.credential_prototype.description if one.credential_prototype else None
    return {
        "id": one.pk,
        "name": one.name,
        "description": told,
        "url": one.url,
        "logo": picture("credentialtypeimage.php", one.logo, one.pk),
        "DatCreate": one.created_at,
        "DatUpdate": one.updated_at,
        "uuid": str(one.uuid),
        "prototype": one.prototype,
        "class": one.prototype,
        "company_id": one.company_id,
        "version": one.version,
    }


def picture(script: str, logo: str | None, number: int) -> str | None:
    """Address of a picture: data URIs are longer than clients read."""
    if not logo or logo.startswith(("http://", "https://")):
        return logo or None
    return f"{get_script_prefix()}{script}?id={number}"


def _create(call: Call) -> CredentialType:
    given = call.given(FIELDS)
    if not given.get("prototype"):
        raise invalid_field("prototype", "a credential type is made of a prototype; give its code.")
    owner = given.pop("company_id", None)
    prototype = credential_prototype.find(call.actor, given.pop("prototype"))
    found = company.find(call.actor, owner) if owner else None
    return credential_type.create(call.actor, prototype=prototype, company=found, **_texts(given))


def _update(call: Call, found: CredentialType) -> None:
    given = call.given(FIELDS)
    given.pop("company_id", None)
    code = given.pop("prototype", None)
    prototype = credential_prototype.find(call.actor, code) if code and code != found.prototype else None
    if given.get("logo", "") == picture("credentialtypeimage.php", found.logo, found.pk):
        del given["logo"]
    credential_type.update(call.actor, found, prototype=prototype, **_texts(given))


def _texts(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value or "" for name, value in given.items()}


Noun(
    one="credential_type",
    many="credential_types",
    key="credentialTypeID",
    name=credential_type.NOUN,
    schema="CredentialType",
    item="credential_type",
    query=credential_type.query,
    rows=lambda call, found: [_row(one) for one in found],
    sortable=presenter.SORTABLE,
    find=credential_type.find,
    detail=lambda call, found: _row(found),
    filters={"company_id": Filter(NUMBER, "company__exact"), "search": Filter(TEXT)},
    fields=FIELDS,
    required=("prototype",),
    create=_create,
    update=_update,
    remove=lambda call, found: credential_type.remove(call.actor, found),
    ids={"list": "getAllCredentialTypes", "get": "getCredentialType", "update": "updateCredentialType"},
    successor="credential-types",
).declare()


def _prototype(one: CredentialPrototype) -> Row:
    known = prototype_presenter.row(one)
    return known | {"logo": picture("credentialprototypeimage.php", one.logo, one.pk)}


def _prototype_detail(call: Call, one: CredentialPrototype) -> Row:
    return _prototype(one) | {"fields": prototype_presenter.with_fields(one)["fields"]}


Noun(
    one="credential_prototype",
    many="credential_prototypes",
    key="credentialPrototypeId",
    name=credential_prototype.NOUN,
    schema="CredentialPrototype",
    item="item",
    query=credential_prototype.query,
    rows=lambda call, found: [_prototype(one) for one in found],
    sortable=prototype_presenter.SORTABLE,
    find=credential_prototype.find,
    detail=_prototype_detail,
    filters={"search": Filter(TEXT)},
    ids={"list": "listCredentialPrototypes", "get": "getCredentialPrototypeById"},
    successor="credential-prototypes",
).declare()
