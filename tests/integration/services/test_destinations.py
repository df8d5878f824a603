"""Nobody learns a stored secret by letting the platform send it to a host of theirs."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from multiflexi.models import Company, CredentialPrototype, CredentialPrototypeField, EventSource, User
from multiflexi.record.actor import Actor
from multiflexi.services import credential, credential_type, event_source
from multiflexi.services.errors import Invalid, Refused
from multiflexi.vault.secrecy import MASK
from tests.integration.services.bank import SHELL

pytestmark = pytest.mark.usefixtures("ring")
HERE, THERE, SECRET = "https://bank.example.org/", "https://evil.example.org/", "a long secret of the bank"


@pytest.fixture
def prototype(db: None) -> CredentialPrototype:
    """An address, a name and two secrets."""
    row = CredentialPrototype.objects.create(uuid=uuid4(), code="Ledger", name="Ledger", version="1.0")
    for keyword, kind, secret in (
        ("LEDGER_URL", "url", False),
        ("LEDGER_LOGIN", "string", False),
        ("LEDGER_PASSWORD", "password", True),
        ("LEDGER_TOKEN", "password", True),
    ):
        CredentialPrototypeField.objects.create(
            credential_prototype=row, keyword=keyword, type=kind, secret=secret, name=keyword
        )
    return row


def _stored(company: Company, prototype: CredentialPrototype, **shared: str) -> Any:
    kind = credential_type.create(SHELL, prototype=prototype, company=company, values=shared)
    own = {"LEDGER_PASSWORD": SECRET} | ({} if shared else {"LEDGER_URL": HERE})
    return credential.create(SHELL, company=company, kind=kind, values=own)


def _by(user: User) -> Actor:
    return Actor(user_id=user.pk, origin="api")


@pytest.mark.parametrize("more", [{}, {"LEDGER_PASSWORD": MASK}, {"LEDGER_PASSWORD": ""}, {"LEDGER_TOKEN": "another"}])
def test_a_new_address_takes_the_secrets_again(
    acme: Company, alice: User, prototype: CredentialPrototype, more: dict[str, str]
):
    stored = _stored(acme, prototype)
    with pytest.raises(Invalid, match="LEDGER_PASSWORD again") as refused:
        credential.update(_by(alice), stored, values={"LEDGER_URL": THERE, **more})
    assert refused.value.details["field"] == "LEDGER_PASSWORD"
    assert SECRET not in str(refused.value)
    assert stored.values.get(name="LEDGER_URL").value == HERE


def test_with_its_secrets_or_without_any_a_credential_may_move(
    acme: Company, alice: User, prototype: CredentialPrototype
):
    stored = _stored(acme, prototype)
    assert credential.update(_by(alice), stored, values={"LEDGER_URL": THERE, "LEDGER_PASSWORD": SECRET})
    assert credential.update(_by(alice), stored, values={"LEDGER_URL": HERE, "LEDGER_PASSWORD": None})
    assert credential.update(_by(alice), stored, values={"LEDGER_URL": THERE})


def test_what_is_no_address_changes_alone(acme: Company, alice: User, prototype: CredentialPrototype):
    stored = _stored(acme, prototype)
    assert credential.update(_by(alice), stored, values={"LEDGER_LOGIN": "another", "LEDGER_URL": HERE})


def test_the_command_line_may_redirect_secrets(acme: Company, prototype: CredentialPrototype):
    assert credential.update(SHELL, _stored(acme, prototype), values={"LEDGER_URL": THERE})


def test_an_address_of_the_type_moves_no_secrets_either(acme: Company, alice: User, prototype: CredentialPrototype):
    stored = _stored(acme, prototype, LEDGER_URL=HERE)
    kind = stored.credential_type
    with pytest.raises(Refused, match=stored.name):
        credential_type.update(_by(alice), kind, values={"LEDGER_URL": THERE})
    other = credential_type.create(_by(alice), prototype=prototype, company=acme, values={"LEDGER_URL": THERE})
    with pytest.raises(Invalid, match="LEDGER_PASSWORD again"):
        credential.update(_by(alice), stored, kind=other)
    assert credential.update(_by(alice), stored, values={"LEDGER_URL": HERE})
    assert credential_type.update(_by(alice), kind, values={"LEDGER_URL": THERE})


def test_a_fixed_address_of_the_type_goes_before_that_of_the_credential(
    acme: Company, alice: User, prototype: CredentialPrototype
):
    stored = _stored(acme, prototype)
    kind = stored.credential_type
    with pytest.raises(Refused, match=stored.name):
        credential_type.update(_by(alice), kind, values={"LEDGER_URL": THERE}, fixed={"LEDGER_URL": True})
    assert credential_type.update(_by(alice), kind, values={"LEDGER_URL": THERE})
    with pytest.raises(Refused, match=stored.name):
        credential_type.update(_by(alice), kind, fixed={"LEDGER_URL": True})


def test_a_secret_of_the_type_is_given_again_with_its_address(
    acme: Company, alice: User, prototype: CredentialPrototype
):
    kind = credential_type.create(
        SHELL, prototype=prototype, company=acme, values={"LEDGER_URL": HERE, "LEDGER_TOKEN": SECRET}
    )
    with pytest.raises(Invalid, match="LEDGER_TOKEN again"):
        credential_type.update(_by(alice), kind, values={"LEDGER_URL": THERE})
    assert credential_type.update(_by(alice), kind, values={"LEDGER_URL": THERE, "LEDGER_TOKEN": SECRET})


@pytest.mark.parametrize("address", [{"db_host": "evil.example.org"}, {"db_port": "3307"}, {"db_connection": "pgsql"}])
@pytest.mark.parametrize("password", [None, "", MASK])
def test_an_event_source_takes_its_password_again(db: None, root: User, address: dict[str, str], password: str | None):
    source = event_source.create(SHELL, name="Changes", db_host="127.0.0.1", db_port="3306", db_password=SECRET)
    with pytest.raises(Invalid, match="give it again") as refused:
        event_source.update(_by(root), source, db_password=password, **address)
    assert refused.value.details["field"] == "db_password"
    kept = EventSource.objects.get(pk=source.pk)
    assert (kept.db_host, kept.db_port) == ("127.0.0.1", "3306")
    assert event_source.update(_by(root), kept, db_password=SECRET, **address)
    assert event_source.update(_by(root), kept, name="Renamed", db_password=password, **address)
    assert event_source.update(SHELL, kept, db_host="db.example.org")


def test_an_event_source_may_go_back_to_the_defaults(db: None, root: User):
    """Clients of the former API send them along with every change."""
    source = event_source.create(SHELL, name="Changes", db_host="db.example.org", db_password=SECRET)
    assert event_source.update(_by(root), source, db_host="localhost", db_port="3306", db_password=MASK)
