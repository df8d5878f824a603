"""The migrations make the schema that the models describe, on the database under test."""

from io import StringIO

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from multiflexi.models import Company, EncryptionKey, Permission, Role, User

pytestmark = pytest.mark.django_db


def test_no_model_change_lacks_a_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True, stdout=StringIO())


def test_every_model_has_its_table() -> None:
    existing = set(connection.introspection.table_names())
    assert {model._meta.db_table for model in apps.get_app_config("multiflexi").get_models()} <= existing


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("job", {"status", "id"}),
        ("schedule", {"priority", "after", "id"}),
    ],
)
def test_hot_look_ups_have_an_index_on_every_database(table: str, columns: set[str]) -> None:
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, table)
    assert any(columns <= set(entry["columns"]) for entry in constraints.values() if entry["index"])


def test_names_that_differ_in_case_are_different() -> None:
    User.objects.create(login="dana")
    User.objects.create(login="Dana")
    assert User.objects.filter(login="dana").count() == 1


def test_a_slug_is_unique_when_it_is_not_empty_on_every_database() -> None:
    Company.objects.create(name="One", slug="same")
    for name in ("Two", "Three"):
        Company.objects.create(name=name, slug="")
    with pytest.raises(IntegrityError), transaction.atomic():
        Company.objects.create(name="Four", slug="same")


@pytest.mark.skipif(connection.vendor == "mysql", reason="it has no partial index; the vault's lock stands in for it")
def test_the_installation_has_one_key_of_each_name_and_version() -> None:
    company = Company.objects.create(name="One", slug="one")
    for owner in (None, company):
        EncryptionKey.objects.create(key_name="audit", company=owner, key_data="x", master_key_id="m")
    with pytest.raises(IntegrityError), transaction.atomic():
        EncryptionKey.objects.create(key_name="audit", key_data="y", master_key_id="m")


def test_first_rows() -> None:
    technical = User.objects.technical()
    assert not technical.is_active
    assert not technical.has_usable_password()
    granted = {role.name: role.permissions.count() for role in Role.objects.all()}
    assert granted["super_admin"] == Permission.objects.count()
    original = Permission.objects.filter(name__in=ORIGINAL)
    assert original.count() == 32
    counts = {role.name: original.filter(roles=role).count() for role in Role.objects.all()}
    assert counts == {"super_admin": 32, "admin": 25, "editor": 10, "user": 7, "viewer": 4}


ORIGINAL = [
    f"{resource}.{action}"
    for resource, actions in {
        "system": "admin config backup logs",
        "users": "create read update delete impersonate",
        "roles": "create read update delete assign",
        "companies": "create read update delete",
        "applications": "create read update delete",
        "jobs": "create read update delete execute",
        "security": "audit config whitelist",
        "profile": "read update",
    }.items()
    for action in actions.split()
]
