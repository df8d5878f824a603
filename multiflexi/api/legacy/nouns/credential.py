"""Credentials; their secrets go in and never come out."""

from __future__ import annotations

from typing import Any

from multiflexi.api.legacy import fields
from multiflexi.api.legacy.answers import Row
from multiflexi.api.legacy.call import Call
from multiflexi.api.legacy.declare import Parameter
from multiflexi.api.legacy.fields import NULLABLE_NUMBER, NUMBER, OBJECT, REQUIRED_TEXT, TEXT, Field
from multiflexi.api.legacy.lists import Filter
from multiflexi.api.legacy.noun import Noun
from multiflexi.models import Credential
from multiflexi.record.actor import Actor
from multiflexi.services import company, credential, credential_type
from multiflexi.services.errors import invalid_field
from multiflexi.services.presenters import credential as presenter
from multiflexi.services.presenters.secrets import shown
from multiflexi.vault.secrecy import named_like_a_secret

COLUMNS = {
    "name": Field(REQUIRED_TEXT),
    "company_id": Field(NULLABLE_NUMBER),
    "credential_type_id": Field(NULLABLE_NUMBER),
    "note": Field(TEXT),
}
# The names of other members are those of the fields of its type, which no document can know.
PUBLISHED_FIELDS = {**COLUMNS, "fields": Field(OBJECT)}
# Published members without a column behind them, and those that only come out.
IGNORED = frozenset(
    ("id", "type", "value", "DatCreate", "DatUpdate", "credential_type", "formType", "availability", "version",
     "expires", "fields", "files")
)  # fmt: skip
ADDRESS = frozenset({"token", "api_key", "force", "limit", "credentialId", "id", *COLUMNS})
BESIDE = ("version", "availability", "expires", "files")


def _query(actor: Actor, **asked: Any) -> Any:
    return credential.query(actor, **asked).prefetch_related("values")


def _row(one: Credential, values: Row) -> Row:
    columns = {
        "id": one.pk,
        "company_id": one.company_id,
        "name": one.name,
        "type": None,
        "value": None,
        "formType": one.credential_type.prototype or None,
        "credential_type_id": one.credential_type_id,
        "credential_type": one.credential_type.name,
        "fields": values,
        "availability": one.availability,
        "DatCreate": one.created_at,
        "DatUpdate": one.updated_at,
    }
    return {**values, **columns}


def _rows(call: Call, found: list[Credential]) -> list[Row]:
    """In lists only what is stored with the credential; the fields of its type are in its own record."""
    return [
        _row(
            one,
            {
                value.name: shown(value.value, secret=value.is_encrypted or named_like_a_secret(value.name))
                for value in one.values.all()
            },
        )
        for one in found
    ]


def _detail(call: Call, one: Credential) -> Row:
    known = presenter.with_values(one)
    columns = (*presenter.row(one), *BESIDE)
    return _row(one, {name: value for name, value in known.items() if name not in columns})


def _values(call: Call) -> dict[str, str | None]:
    """Values of fields in the body; the service refuses unknown ones by name."""
    for name in call.query:
        if name not in ADDRESS:
            raise invalid_field(name, "values in an address end up in logs; send them in the body.")
    members = {name: one for name, one in call.body.items() if name not in COLUMNS and name not in IGNORED}
    nested = fields.one("fields", OBJECT, call.body.get("fields")) or {}
    return {name: fields.one(name, fields.TEXT, value) for name, value in {**nested, **members}.items()}


def _create(call: Call) -> Credential:
    given, values = call.given(COLUMNS), _values(call)
    for name in ("company_id", "credential_type_id"):
        if not given.get(name):
            raise invalid_field(name, "a credential needs one; give its id.")
    return credential.create(
        call.actor,
        company=company.find(call.actor, given["company_id"]),
        kind=credential_type.find(call.actor, given["credential_type_id"]),
        name=given.get("name"),
        note=given.get("note"),
        values=values,
    )


def _update(call: Call, found: Credential) -> None:
    given, values = call.given(COLUMNS), _values(call)
    owner, kind = given.pop("company_id", None), given.pop("credential_type_id", None)
    credential.update(
        call.actor,
        found,
        company=company.find(call.actor, owner) if owner else None,
        kind=credential_type.find(call.actor, kind) if kind else None,
        values=values,
        **given,
    )


def _remove(call: Call, found: Credential) -> None:
    credential.remove(call.actor, found, force=call.flag("force", False))


Noun(
    one="credential",
    many="credentials",
    key="credentialId",
    name=credential.NOUN,
    schema="Credential",
    item="credential",
    query=_query,
    rows=_rows,
    sortable=presenter.SORTABLE,
    find=credential.find,
    detail=_detail,
    filters={
        "company_id": Filter(NUMBER),
        "search": Filter(TEXT),
        "credential_type_id": Filter(NUMBER, "credential_type__exact"),
    },
    fields=PUBLISHED_FIELDS,
    required=("company_id", "credential_type_id"),
    create=_create,
    update=_update,
    remove=_remove,
    ids={"list": "getAllUserCredentials", "get": "getCredential", "update": "updateCredentials"},
    token_parameter=True,
    more={"DELETE": (Parameter("force", fields.TRUTH),)},
).declare()
