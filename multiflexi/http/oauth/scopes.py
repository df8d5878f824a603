"""The scopes of tokens, of which a client gets those that it was registered with."""

from __future__ import annotations

from typing import Any

from oauth2_provider.scopes import BaseScopes

from multiflexi.access.matrix import Scope
from multiflexi.models import OAuthClient


class ClientScopes(BaseScopes):
    """What the library asks for."""

    def get_all_scopes(self) -> dict[str, str]:
        """Every scope with its meaning."""
        return {scope.value: str(scope.label) for scope in Scope}

    def get_available_scopes(self, application: Any = None, *_args: Any, **_named: Any) -> list[str]:
        """Those that this client may be given; all of them when no client is asked about."""
        if application is None:
            return [scope.value for scope in Scope]
        found = OAuthClient.objects.filter(client_id=application.client_id).first()
        return [scope.value for scope in Scope if found and scope.value in found.scopes]

    def get_default_scopes(self, application: Any = None, *_args: Any, **_named: Any) -> list[str]:
        """What a client gets that names none: to read, and nothing where it may not even do that."""
        return [one for one in self.get_available_scopes(application) if one == Scope.READ.value]
