"""Every tenant-owned queryset shows only rows of the companies its reader belongs to."""

import pytest
from django.apps import apps

from multiflexi.models import Company, CompanyEnv, NamedLimit, User
from multiflexi.models.base import TenantModel

pytestmark = pytest.mark.django_db

TENANT_MODELS = [model for model in apps.get_app_config("multiflexi").get_models() if issubclass(model, TenantModel)]


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model.__name__)
def test_every_tenant_queryset_can_be_restricted(model: type[TenantModel], bob: User) -> None:
    assert list(model.objects.visible_to(None)) == []
    restricted = model.objects.visible_to(bob)
    assert "company_user" in str(restricted.query)
    assert not restricted.exclude(**{model.company_path: bob.memberships.get().company_id}).exists()


def test_members_see_their_company_only(acme: Company, globex: Company, bob: User, carol: User, root: User) -> None:
    for company in (acme, globex):
        CompanyEnv.objects.create(company=company, keyword="KEY", value=company.slug)
    assert [row.value for row in CompanyEnv.objects.visible_to(bob)] == ["acme"]
    assert [row.value for row in CompanyEnv.objects.visible_to(carol)] == ["globex"]
    assert CompanyEnv.objects.visible_to(root).count() == 2
    assert list(Company.objects.visible_to(carol)) == [globex]


def test_a_disabled_account_sees_nothing(acme: Company, alice: User, root: User) -> None:
    for user in (alice, root):
        user.enabled = False
        assert not Company.objects.visible_to(user).exists()


def test_rows_without_company_are_for_super_administrators(alice: User, root: User) -> None:
    NamedLimit.objects.create(name="bank", maximum=2)
    assert not NamedLimit.objects.visible_to(alice).exists()
    assert NamedLimit.objects.visible_to(root).count() == 1
