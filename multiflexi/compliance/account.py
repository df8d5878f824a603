"""Sections of an export about the account itself; nothing in them opens a door."""

from __future__ import annotations

from typing import Any

from multiflexi.compliance.reading import Reader, Row, written
from multiflexi.models import AllowedNetwork, AuditEntry, LoginAttempt, Passkey, SecondFactor, Token, User, UserSession
from multiflexi.vault.secrecy import MASK, named_like_a_secret

MOST = 1000


def profile(user: User) -> Row:
    """The account as it stands."""
    roles = user.role_assignments.in_force().order_by("role__name").values_list("role__name", flat=True)
    return {
        "user_id": user.pk,
        "username": user.login,
        "email": user.email,
        "first_name": user.firstname,
        "last_name": user.lastname,
        "account_enabled": user.enabled,
        "account_created": written(user.created_at),
        "last_updated": written(user.updated_at),
        "last_modified_by": _last_modified_by(user),
        "last_login": written(user.last_login),
        "last_login_address": user.last_login_ip,
        "last_activity": written(user.last_activity_at),
        "password_changed": written(user.password_changed_at),
        "second_factor": SecondFactor.objects.in_force().filter(user=user).exists(),
        "system_roles": list(roles),
        "user_settings": _without_secrets(user.settings),
    }


def sessions(reader: Reader, user: User, address: str | None, agent: str | None) -> Row:
    """Sign-ins and sessions; the key of a session is as good as a password, so it is left out."""
    names = [name for name in (user.login, user.email) if name]
    return {
        "note": "Identifiers of sessions are not included, because whoever has one is signed in.",
        "current_session_info": {"started_at": None, "ip_address": address, "user_agent": agent},
        "sessions": reader.newest("sessions", UserSession.objects.filter(user=user), MOST, _session),
        "sign_ins": reader.newest("sign_ins", LoginAttempt.objects.filter(username__in=names), MOST, _sign_in),
    }


def tokens(reader: Reader, user: User) -> list[Row]:
    """API tokens without their values, of which even the beginning says something."""
    return reader.newest("api_tokens", Token.objects.filter(user=user), MOST, _token)


def passkeys(reader: Reader, user: User) -> list[Row]:
    """Passkeys by their names, without what is compared at a sign-in."""
    return reader.newest("passkeys", Passkey.objects.filter(user=user), MOST, _passkey)


def networks(reader: Reader, user: User) -> list[Row]:
    """Networks that the account may connect from."""
    return reader.newest("allowed_networks", AllowedNetwork.objects.filter(user=user), MOST, _network)


def _last_modified_by(user: User) -> str | None:
    """Whether the person or somebody else changed the account last; who else that was is that person's data."""
    entries = AuditEntry.objects.filter(entity_type="User", entity_id=user.pk, action="update", outcome="done")
    by = entries.order_by("-pk").values_list("user_id", flat=True).first()
    if by is None:
        return None
    return "account owner" if by == user.pk else "administrator"


def _without_secrets(value: Any) -> Any:
    """Settings are free-form; what is named like a secret is none of an export's business."""
    if isinstance(value, dict):
        return {
            name: MASK if named_like_a_secret(name) and member else _without_secrets(member)
            for name, member in value.items()
        }
    return [_without_secrets(one) for one in value] if isinstance(value, list) else value


def _session(one: UserSession) -> Row:
    return {
        "started_at": written(one.created_at),
        "last_activity": written(one.last_activity),
        "expires_at": written(one.expires_at),
        "active": one.is_active,
        "ip_address": one.ip_address,
        "user_agent": one.user_agent,
    }


def _sign_in(one: LoginAttempt) -> Row:
    """Where a failed attempt came from may be somebody else's data."""
    return {
        "timestamp": written(one.attempt_time),
        "success": one.success,
        "ip_address": one.ip_address if one.success else None,
        "user_agent": one.user_agent if one.success else None,
    }


def _token(one: Token) -> Row:
    return {
        "token_id": one.pk,
        "label": one.label,
        "scopes": one.scopes,
        "valid_from": written(one.start),
        "valid_until": written(one.until),
        "last_used": written(one.last_used_at),
        "last_used_address": one.last_used_ip,
        "revoked": written(one.revoked_at),
    }


def _passkey(one: Passkey) -> Row:
    return {
        "name": one.name,
        "domain": one.domain,
        "created_at": written(one.created_at),
        "last_used": written(one.last_used_at),
    }


def _network(one: AllowedNetwork) -> Row:
    return {
        "network": one.network,
        "scope": one.scope,
        "description": one.description,
        "created_at": written(one.created_at),
        "expires_at": written(one.expires_at),
    }
