"""Asking the permission matrix on behalf of an actor."""

from __future__ import annotations

from typing import Any

from multiflexi.access.authority import INSTALLATION, of_user
from multiflexi.access.matrix import RULES
from multiflexi.models import TECHNICAL_LOGIN, Company, CompanyRole, Executor, Job, User
from multiflexi.record.actor import Actor, Grants, Origin
from multiflexi.services.errors import NotPermitted

OF_THE_INSTALLATION = frozenset({Origin.CLI, Origin.DAEMON, Origin.IMPORT})
# The operating system vouches for these logins: whoever has them can read the master key anyway.
KEEPERS = frozenset({"root", TECHNICAL_LOGIN})
ANYWHERE: Any = object()


def grants_of(actor: Actor) -> Grants:
    """What the actor may do: as read at the beginning of the request, else as it stands now."""
    if actor.origin in OF_THE_INSTALLATION:
        return INSTALLATION
    return actor.grants or of_user(_user(actor))


def need(actor: Actor, name: str, company_id: Any = ANYWHERE, *, own: bool = False) -> None:
    """Raise NotPermitted unless the matrix allows the action on an object of this company (None: of no company).

    Without a company the question is whether the caller may do it anywhere; the rows are then bounded by `visible`.
    `own` says that the job concerned was launched by the caller.
    """
    grants = grants_of(actor)
    if company_id is ANYWHERE:
        if not grants.permits(name):
            raise _denied(grants, name)
    elif not grants.allows(name, company_id, own=own):
        raise _denied(grants, name, company_id)


def need_for_executor(actor: Actor, company_id: int | None, wanted: str | None) -> None:
    """A change to the executor that shares the host with the platform takes more than others; None is no change."""
    if wanted == Executor.NATIVE:
        need(actor, "actions.custom_command", company_id)


def is_own(actor: Actor, job: Job) -> bool:
    """Whether the actor launched the job."""
    return actor.user_id is not None and job.launched_by_id == actor.user_id


def may(actor: Actor, name: str, company_id: int | None) -> bool:
    """Whether the matrix allows the action on an object of this company."""
    return grants_of(actor).allows(name, company_id)


def is_person(actor: Actor) -> bool:
    """Whether somebody acts who signed in, not a token, which may be in many hands."""
    return actor.token_id is None and getattr(actor.grants, "scopes", None) is None


def may_reveal(actor: Actor, company_id: int) -> bool:
    """Whether the actor may see stored secrets of a company: on the command line only, where who acts counts."""
    user = _user(actor)
    if user is None or actor.origin != Origin.CLI:
        return False
    return user.login in KEEPERS or of_user(user).allows("credentials.reveal", company_id)


def _denied(grants: Grants, action: str, company_id: Any = ANYWHERE) -> NotPermitted:
    """The refusal that names what is missing."""
    rule = RULES[action]
    needed = f"permission {' and '.join(sorted(rule.permissions))}"
    if rule.company and company_id is None:
        needed = "role super_admin, because it concerns all companies"
    elif rule.company and company_id is not ANYWHERE:
        name = Company.objects.values_list("name", flat=True).get(pk=company_id)
        needed += f" and role {CompanyRole(rule.company).value} in company {name}"
    if grants.scopes is not None and rule.scope not in grants.scopes:
        needed = f"a token with scope {rule.scope.value}" if rule.scope else "a person, not a token"
    return NotPermitted(
        f"{rule.label}: not permitted; it takes {needed}. Ask an administrator.",
        "not_permitted",
        details={"permission": sorted(rule.permissions), **_concerned(company_id)},
    )


def _concerned(company_id: Any) -> dict[str, int]:
    return {"company_id": company_id} if isinstance(company_id, int) else {}


def _user(actor: Actor) -> User | None:
    return User.objects.filter(pk=actor.user_id).first() if actor.user_id else None
