"""Credential prototypes made by hand, and those that providers ship."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from multiflexi.credentials import registry
from multiflexi.models import AuditEntry, CredentialPrototype, CredentialValue
from multiflexi.record.actor import Actor
from multiflexi.services import credential_prototype, definitions, prototype_sync
from multiflexi.services.errors import Conflict, Invalid, Refused

from .bank import SHELL, make_credential, make_prototype, make_type

pytestmark = pytest.mark.usefixtures("ring")


def test_create_and_update():
    made = credential_prototype.create(SHELL, code="My_Bank", name="My bank")
    assert (made.version, isinstance(made.uuid, UUID), made.fields.count()) == ("1.0", True, 0)
    assert not credential_prototype.update(SHELL, made, name="My bank")
    assert credential_prototype.update(SHELL, made, name="Bank", version="1.1", uuid=str(uuid4()))
    entry = AuditEntry.objects.get(action="update", entity_type="CredentialPrototype")
    assert set(entry.changes) == {"name", "version", "uuid"}


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        ({"code": "a"}, "code"),
        ({"code": "with blank"}, "code"),
        ({"name": " "}, "name"),
        ({"version": "one"}, "version"),
        ({"uuid": "no-uuid"}, "uuid"),
    ],
)
def test_unusable_values(columns, field):
    with pytest.raises(Invalid) as refused:
        credential_prototype.create(SHELL, **({"code": "Bank", "name": "Bank"} | columns))
    assert refused.value.details["field"] == field
    made = credential_prototype.create(SHELL, code="Bank", name="Bank")
    with pytest.raises(Invalid):
        credential_prototype.update(SHELL, made, **columns)


@pytest.mark.parametrize("key", ["code", "uuid"])
def test_identity_is_unique(key):
    taken = make_prototype()
    given = {"code": "Other", "name": "Other", "uuid": str(uuid4())} | {key: str(getattr(taken, key))}
    with pytest.raises(Conflict, match=f"with {key} .* already exists"):
        credential_prototype.create(SHELL, **given)
    other = make_prototype("Second")
    with pytest.raises(Conflict):
        credential_prototype.update(SHELL, other, **{key: given[key]})


def test_a_new_code_reaches_the_types(acme):
    kind = make_type(acme)
    credential_prototype.update(SHELL, kind.credential_prototype, code="NewBank")
    kind.refresh_from_db()
    assert kind.prototype == "NewBank"


def test_one_that_is_used_stays(acme):
    prototype = make_prototype()
    kind = make_type(acme, prototype)
    with pytest.raises(Refused, match="delete them first"):
        definitions.delete_prototype(SHELL, prototype)
    kind.delete()
    assert definitions.delete_prototype(SHELL, prototype).removed


def test_they_belong_to_the_installation(alice, root):
    for change in (
        lambda actor: credential_prototype.create(actor, code="Bank", name="Bank"),
        lambda actor: credential_prototype.update(actor, CredentialPrototype.objects.get(), name="Mine"),
        lambda actor: definitions.delete_prototype(actor, CredentialPrototype.objects.get()),
    ):
        with pytest.raises(Refused, match="permission applications"):
            change(Actor(alice.pk, "api"))
        assert change(Actor(root.pk, "api"))


class Provider:
    """Ships a definition that a test can change."""

    document: dict[str, object]

    def definition(self):
        return self.document


class Broken:
    """Foreign code at its worst."""

    def definition(self):
        raise RuntimeError("s3cret in a traceback")


class TestSync:
    @pytest.fixture
    def shipped(self, monkeypatch):
        provider = Provider()
        provider.document = {
            "uuid": str(uuid4()),
            "code": "FioBank",
            "name": {"en": "Fio bank", "cs": "Fio banka"},
            "version": "1.0",
            "internal": ["SAFE_PASSWORD"],
            "fields": [
                {"keyword": "BANK_TOKEN", "type": "password", "required": True},
                {"keyword": "ACCOUNT", "type": "string"},
                {"keyword": "SAFE_PASSWORD", "type": "password"},
            ],
        }
        self.providers = {"Bare": Provider(), "FioBank": provider}
        self.providers["Bare"].document = {}
        monkeypatch.setattr(registry, "names", lambda: sorted(self.providers))
        monkeypatch.setattr(registry, "get", lambda code: self.providers[code])
        return provider

    def counts(self, **options):
        outcome = prototype_sync.sync(SHELL, **options)
        return outcome.processed, outcome.created, outcome.updated, outcome.errors, outcome.skipped

    def test_definitions_are_stored_once(self, shipped):
        assert self.counts(dry_run=True) == (2, 1, 0, 0, 1)
        assert not CredentialPrototype.objects.exists()
        assert self.counts() == (2, 1, 0, 0, 1)
        prototype = CredentialPrototype.objects.get()
        assert (prototype.provider, prototype.name, prototype.fields.count()) == ("FioBank", "Fio bank", 3)
        assert self.counts() == (2, 0, 0, 0, 2)
        shipped.document |= {"version": "1.1", "name": "Fio"}
        assert self.counts() == (2, 0, 1, 0, 1)

    def test_internal_fields_stay_on_the_type(self, acme, shipped):
        self.counts()
        kind = make_type(acme, CredentialPrototype.objects.get())
        with pytest.raises(Invalid, match="it is a setting of credential type"):
            make_credential(kind, acme, SAFE_PASSWORD="x" * 8)

    def test_fields_in_use_are_not_deleted(self, acme, shipped):
        self.counts()
        make_credential(make_type(acme, CredentialPrototype.objects.get()), acme, ACCOUNT="42")
        fields = [one for one in shipped.document["fields"] if one["keyword"] == "BANK_TOKEN"]
        shipped.document |= {"version": "2.0", "fields": fields}
        self.counts()
        prototype = CredentialPrototype.objects.get()
        assert dict(prototype.fields.values_list("keyword", "obsolete")) == {"BANK_TOKEN": False, "ACCOUNT": True}
        assert CredentialValue.objects.filter(name="ACCOUNT").exists()

    def test_one_that_is_broken_stops_no_other(self, shipped):
        self.providers |= {"Broken": Broken(), "Wrong": Provider()}
        self.providers["Wrong"].document = {"code": "x"}
        outcome = prototype_sync.sync(SHELL)
        assert (outcome.processed, outcome.created, outcome.errors) == (4, 1, 2)
        assert outcome.problems[0] == "Broken: the provider cannot be loaded (RuntimeError)"
        assert outcome.problems[1].startswith("Wrong: ")
        assert "s3cret" not in "".join(outcome.problems)


def test_what_is_installed_can_be_synced():
    """Whichever providers there are, their definitions are accepted."""
    outcome = prototype_sync.sync(SHELL)
    assert (outcome.errors, outcome.problems) == (0, [])
    assert outcome.processed == len(registry.names())
