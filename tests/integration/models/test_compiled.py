"""Queries whose SQL is made once find what the query made anew would find, for whatever arguments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import BooleanField, Value
from django.test.utils import CaptureQueriesContext

from multiflexi.models import Company, Token, User
from multiflexi.models.compiled import Compiled, columns

pytestmark = pytest.mark.django_db
BEGIN = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)


@pytest.fixture
def companies() -> list[Company]:
    return [
        Company.objects.create(name=name, slug=name.lower(), enabled=name != "Hooli", created_at=BEGIN + step)
        for name, step in (
            ("ACME", timedelta(0)),
            ("Globex", timedelta(hours=1)),
            ("Žluťoučký", timedelta(1)),
            ("Hooli", timedelta(2)),
        )
    ]


def test_values_take_the_places_of_what_it_was_compiled_with(companies: list[Company]) -> None:
    found = Compiled(lambda name, since: Company.objects.filter(name=name, created_at__gte=since).values_list("pk"))
    for one in companies:
        assert found(one.name, one.created_at) == [(one.pk,)]
        assert found(one.name, one.created_at + timedelta(microseconds=1)) == []


@pytest.mark.parametrize("many", range(1, 5))
def test_a_list_may_have_any_length(companies: list[Company], many: int) -> None:
    found = Compiled(lambda ids: Company.objects.filter(pk__in=ids).order_by("pk").values_list("name", flat=False))
    assert found([one.pk for one in companies[:many]]) == [(one.name,) for one in companies[:many]]


def test_a_value_that_occurs_twice_is_put_into_both_places(companies: list[Company]) -> None:
    found = Compiled(
        lambda number: Company.objects.filter(pk__gte=number).exclude(pk__gt=number).values_list("pk", "name")
    )
    assert found(companies[1].pk) == [(companies[1].pk, "Globex")]


def test_values_have_the_types_of_the_model_on_every_database(companies: list[Company]) -> None:
    found = Compiled(lambda number: Company.objects.filter(pk=number).values_list("created_at", "enabled"))
    assert found(companies[3].pk) == [(BEGIN + timedelta(2), False)]


def test_the_columns_of_a_union_are_converted(companies: list[Company]) -> None:
    def both(first: int, second: int) -> Any:
        truth = Value(True, output_field=BooleanField())
        rows = Company.objects.filter(pk=first).values_list("created_at", "enabled", "name")
        return rows.union(Company.objects.filter(pk=second).values_list("created_at", truth, "name"), all=True)

    found = Compiled(both)(companies[3].pk, companies[0].pk)
    assert sorted(found) == [(BEGIN, True, "ACME"), (BEGIN + timedelta(2), False, "Hooli")]


def test_rows_of_several_models_are_made_of_all_columns() -> None:
    user = User.objects.create(login="dana", password="!", settings={"a": [1]})
    token = Token.objects.create(user=user, token_hash="h" * 64, scopes=["read"])
    found = Compiled(
        lambda code: Token.objects.filter(token_hash=code).values_list(*columns(Token), *columns(User, "user__"))
    )
    (row,) = found("h" * 64)
    assert Token.from_db("default", columns(Token), row[: len(columns(Token))]).scopes == token.scopes
    assert User.from_db("default", columns(User), row[len(columns(Token)) :]).settings == {"a": [1]}


def test_the_query_is_built_once_for_each_size_of_its_lists(companies: list[Company]) -> None:
    built: list[Any] = []

    def rows(ids: list[int]) -> Any:
        built.append(ids)
        return Company.objects.filter(pk__in=ids).values_list("pk")

    found = Compiled(rows)
    for many in (1, 2, 3, 4, 3, 2, 1):
        found([one.pk for one in companies[:many]])
    assert [len(ids) for ids in built] == [1, 2, 4]


def test_what_is_asked_is_one_statement_with_the_values(companies: list[Company]) -> None:
    found = Compiled(lambda number: Company.objects.filter(pk=number).values_list("pk"))
    found(companies[0].pk)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        found(companies[1].pk)
    assert len(asked) == 1
    assert str(companies[1].pk) in asked[0]["sql"]
