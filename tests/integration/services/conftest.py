"""What services act on and who asks."""

from __future__ import annotations

import pytest

from multiflexi.models import Application, Company, ConfField, RunTemplate, User
from multiflexi.record.actor import Actor
from multiflexi.services import run_template


@pytest.fixture
def operator(alice: User) -> Actor:
    """Alice on the command line."""
    return Actor(user_id=alice.pk, origin="cli")


@pytest.fixture
def app(db: None) -> Application:
    made = Application.objects.create(
        uuid="44444444-4444-4444-8444-444444444444", code="probe", name="Probe", executable="/bin/true"
    )
    ConfField.objects.create(app=made, keyname="TARGET", type="string", required=True)
    return made


@pytest.fixture
def template(ring: None, acme: Company, app: Application, operator: Actor) -> RunTemplate:
    """A complete run template of ACME that runs daily."""
    return run_template.create(operator, name="T", app=app, company=acme, config={"TARGET": "x"}, interv="d")
