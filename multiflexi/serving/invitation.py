"""What a starting web server says while nobody can sign in: where the first administrator is made, and the code."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from urllib.parse import quote, urljoin

from django.conf import settings

log = logging.getLogger(__name__)


def tell(listeners: Iterable[str]) -> None:
    """One line in the log; none once there is an account, or when the database cannot say."""
    from django.db import DatabaseError, connections

    from multiflexi.services import first_administrator
    from multiflexi.services.errors import Refused
    from multiflexi.vault import keyring
    from multiflexi.vault.errors import VaultError

    try:
        code = first_administrator.code()
    except (DatabaseError, VaultError, Refused):
        return
    finally:
        # Workers are forked from here.
        connections.close_all()
        keyring.forget()
    if first_administrator.configured():
        log.warning("there is no account yet: make the first one at %s with MULTIFLEXI_SETUP_CODE", _address(listeners))
    else:
        log.warning("there is no account yet: make the first one at %s?code=%s", _address(listeners), quote(code))


def _address(listeners: Iterable[str]) -> str:
    reachable = [one for one in listeners if one.startswith("http")]
    base = settings.MULTIFLEXI_PUBLIC_URL or (reachable[0] if reachable else "")
    return urljoin(f"{base.rstrip('/')}/", "setup/") if base else "/setup/"
