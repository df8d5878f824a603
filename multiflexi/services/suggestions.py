"""What a shell may offer behind an option: names and numbers of what is there, newest first where there is much."""

from __future__ import annotations

from typing import Any

from django.db.models import Model, Q

from multiflexi.models import (
    Application,
    Company,
    Credential,
    CredentialPrototype,
    CredentialType,
    Job,
    NamedLimit,
    RunTemplate,
    Task,
    User,
    Worker,
)
from multiflexi.record.actor import Actor
from multiflexi.services.scope import visible

MOST = 50
# Of each noun: its model, the member that may be written instead of the id, and the one that describes it.
NOUNS: dict[str, tuple[type[Model], str, str]] = {
    "application": (Application, "code", "name"),
    "company": (Company, "slug", "name"),
    "credential": (Credential, "name", "name"),
    "credential-prototype": (CredentialPrototype, "code", "name"),
    "credential-type": (CredentialType, "name", "name"),
    "job": (Job, "", "runtemplate__name"),
    "limit": (NamedLimit, "name", "name"),
    "run-template": (RunTemplate, "name", "name"),
    "task": (Task, "", "runtemplate__name"),
    "user": (User, "login", "login"),
    "worker": (Worker, "name", "host"),
}


def suggestions(actor: Actor, noun: str, beginning: str) -> list[tuple[str, str]]:
    """Words that begin so, each with what describes it; ids where no name fits. KeyError for an unknown noun."""
    model, key, about = NOUNS[noun]
    rows = visible(model, actor)
    found: list[tuple[str, str]] = []
    if key:
        matching = rows.filter(Q(**{f"{key}__startswith": beginning})).exclude(**{key: ""}).order_by(key)
        found += _rows(matching.values_list(key, about)[:MOST])
    if not found or beginning.isdigit():
        numbered = rows.order_by("-pk").values_list("pk", about)[: MOST * 4]
        found += [one for one in _rows(numbered) if one[0].startswith(beginning)][:MOST]
    return found


def _rows(pairs: Any) -> list[tuple[str, str]]:
    return [(str(word), "" if str(word) == str(about) else str(about or "")) for word, about in pairs]
