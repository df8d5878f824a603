"""A kind of credential with every kind of field, and credentials of it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from multiflexi.models import Company, Credential, CredentialPrototype, CredentialPrototypeField, CredentialType
from multiflexi.record.actor import Actor
from multiflexi.services import credential, credential_type

SHELL = Actor(user_id=None, origin="cli")
TOKEN = "t0ken-of-the-bank"


def make_prototype(code: str = "FioBank", **columns: Any) -> CredentialPrototype:
    """A prototype with a required secret, an optional number, a choice, and a path that stays on the type."""
    made = CredentialPrototype.objects.create(
        uuid=uuid4(), code=code, name=code, version="1.2", manifest={"internal": ["SAFE_PASSWORD"]}, **columns
    )
    for position, (keyword, given) in enumerate(
        {
            "ACCOUNT": {},
            "BANK_TOKEN": {"type": "password", "secret": True, "required": True, "expiring": True},
            "DAYS": {"type": "integer"},
            "MODE": {"type": "set", "options": {"test": "Test", "live": "Live"}},
            "SAFE_PASSWORD": {"type": "password", "secret": True},
        }.items()
    ):
        CredentialPrototypeField.objects.create(
            credential_prototype=made, keyword=keyword, position=position, **{"type": "string", **given}
        )
    return made


def make_type(company: Company | None, prototype: CredentialPrototype | None = None, **more: Any) -> CredentialType:
    return credential_type.create(SHELL, company=company, prototype=prototype or make_prototype(), **more)


def make_credential(kind: CredentialType, company: Company, name: str = "Main", **values: str) -> Credential:
    given = {"BANK_TOKEN": TOKEN, **values}
    return credential.create(SHELL, company=company, kind=kind, name=name, values=given)
