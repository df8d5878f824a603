"""Who sees which entries of the audit trail."""

from __future__ import annotations

import pytest

from multiflexi.access.authority import of_user
from multiflexi.models import Company, Role, User, UserRole
from multiflexi.record import audit
from multiflexi.record.actor import Actor
from multiflexi.services import audit_trail
from multiflexi.services.errors import NotFound, NotPermitted

pytestmark = pytest.mark.usefixtures("ring")


def person(user: User, **more: object) -> Actor:
    return Actor(user_id=user.pk, origin="api", **more)  # type: ignore[arg-type]


def test_own_ones_those_of_administered_companies_and_all(
    acme: Company, globex: Company, alice: User, bob: User, carol: User, root: User
) -> None:
    system = Actor(user_id=None, origin="daemon")
    of_acme = audit.write(system, "update", acme)
    of_globex = audit.write(system, "update", globex)
    of_bob = audit.write(person(bob), "login", ("User", bob.pk))

    def seen(user: User) -> set[int]:
        return set(audit_trail.query(person(user)).values_list("pk", flat=True))

    assert seen(alice) == {of_acme.pk}
    assert seen(bob) == {of_bob.pk}
    assert seen(carol) == {of_globex.pk}
    assert seen(root) == {of_acme.pk, of_globex.pk, of_bob.pk}
    UserRole.objects.create(user=bob, role=Role.objects.get(name="admin"))
    assert seen(bob) == seen(root)
    with pytest.raises(NotFound):
        audit_trail.find(person(carol), of_acme.pk)


def test_it_takes_the_scope_and_for_the_proof_the_permission(alice: User, root: User) -> None:
    with pytest.raises(NotPermitted, match="scope audit"):
        audit_trail.query(person(root, grants=of_user(root, scopes=["read"])))
    with pytest.raises(NotPermitted, match=r"audit\.export"):
        audit_trail.verify(person(alice))
    assert audit_trail.verify(person(root)).broken == []
