"""Companies and their members."""

from __future__ import annotations

from typing import Any

from multiflexi.api.legacy import lists
from multiflexi.api.legacy.answers import Answer, Row, listing, record
from multiflexi.api.legacy.call import Call
from multiflexi.api.legacy.declare import operation
from multiflexi.api.legacy.fields import NULLABLE_NUMBER, NUMBER, REQUIRED_TEXT, SETTINGS, TEXT, TRUTH, Field
from multiflexi.api.legacy.formats import LISTS
from multiflexi.api.legacy.lists import Filter
from multiflexi.api.legacy.noun import PAGING, Noun
from multiflexi.api.legacy.nouns.user import row as user_row
from multiflexi.http.requests import actor_anew
from multiflexi.models import Company, CompanyUser
from multiflexi.record.actor import Origin
from multiflexi.services import company, member, user
from multiflexi.services.errors import Invalid
from multiflexi.services.presenters import company as presenter

MEMBERS_SORTABLE = {"id": "pk", "user_id": "user_id", "role": "role", "created_at": "created_at"}
FIELDS = {
    "name": Field(REQUIRED_TEXT),
    "enabled": Field(TRUTH),
    "settings": Field(SETTINGS),
    "logo": Field(TEXT),
    "code": Field(TEXT, "slug"),
    "slug": Field(TEXT),
    "ic": Field(TEXT),
    "customer": Field(NULLABLE_NUMBER),
    "email": Field(TEXT),
    "zabbix_host": Field(TEXT),
}
MEMBER_FIELDS = {
    "user_id": Field(NUMBER),
    "login": Field(REQUIRED_TEXT),
    "email": Field(REQUIRED_TEXT),
    "role": Field(REQUIRED_TEXT),
}


def _row(one: Company) -> Row:
    return presenter.row(one) | {"code": one.slug}


def _create(call: Call) -> Company:
    values: dict[str, Any] = {"enabled": True, **call.given(FIELDS)}
    made = company.create(call.actor, **{name: value for name, value in values.items() if value is not None})
    # Whoever creates a company becomes its administrator, and sees it from here on.
    call.actor = actor_anew(call.request, Origin.API)
    return made


def _update(call: Call, found: Company) -> None:
    company.update(call.actor, found, **call.given(FIELDS))


def _remove(call: Call, found: Company) -> None:
    company.remove(call.actor, found)


NOUN = Noun(
    one="company",
    many="companies",
    key="companyId",
    name=company.NOUN,
    schema="Company",
    item="company",
    query=company.query,
    rows=lambda call, found: [_row(one) for one in found],
    sortable=presenter.SORTABLE | {"code": "slug"},
    find=company.find,
    detail=lambda call, found: _row(found),
    filters={"enabled": Filter(TRUTH), "active": Filter(TRUTH, "enabled"), "search": Filter(TEXT)},
    fields=FIELDS,
    required=("name",),
    create=_create,
    update=_update,
    remove=_remove,
    ids={"list": "listCompanies", "get": "getCompanyById", "set": "setCompanyById"},
)
NOUN.declare()


def _member(one: CompanyUser) -> Row:
    return {
        "id": one.pk,
        "company_id": one.company_id,
        "user_id": one.user_id,
        "role": one.role,
        "created_at": one.created_at,
    }


@operation(
    "GET",
    "company/{companyId}/users",
    id="listCompanyUsers",
    suffixes=LISTS,
    schema="CompanyUser",
    shape="array",
    parameters=PAGING,
    tag="company",
)
def members(call: Call) -> Answer:
    """List the members of a company with their roles"""
    rows = member.query(call.actor, company=NOUN.select(call))
    found, headers = lists.page(call, rows, MEMBERS_SORTABLE, None, "user_id")
    answer = listing(
        [_member(one) | {"user": user_row(one.user)} for one in found],
        schema="CompanyUser",
        item="company_user",
        title="members",
    )
    answer.headers = headers
    return answer


@operation(
    "POST",
    "company/{companyId}/user",
    id="assignUserToCompany",
    schema="CompanyUser",
    status=201,
    body=MEMBER_FIELDS,
    required=("user_id",),
    tag="company",
)
def assign(call: Call) -> Answer:
    """Make an account a member of a company, or change its role there"""
    found = NOUN.select(call)
    sent = {**call.query, **call.body}
    key = next((name for name in ("user_id", "login", "email") if sent.get(name) not in (None, "")), None)
    if key is None:
        raise Invalid("user_id is required", "invalid_value", details={"field": "user_id"})
    given = {"role": "viewer", **call.given({name: MEMBER_FIELDS[name] for name in (key, "role")})}
    person = member.candidate(call.actor, found, given[key])
    return record(_member(member.assign(call.actor, found, person, given["role"])))


@operation(
    "DELETE",
    "company/{companyId}/user/{userId}",
    id="unassignUserFromCompany",
    slash=False,
    schema="Unassigned",
    tag="company",
)
def unassign(call: Call) -> Answer:
    """End the membership of an account in a company"""
    found = NOUN.select(call)
    number = call.number("userId", user.NOUN)
    deleted = member.remove(call.actor, found, number)
    return record({"success": True, "company_id": found.pk, "user_id": number, "deleted": int(deleted)})
