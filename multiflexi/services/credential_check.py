"""Checking whether credentials can be used now."""

from __future__ import annotations

from collections.abc import Sequence

from multiflexi.credentials import checking
from multiflexi.models import Credential
from multiflexi.record.actor import Actor
from multiflexi.services.credential import query
from multiflexi.services.rights import need


def check(actor: Actor, credentials: Sequence[Credential], *, refresh: bool = False) -> list[Credential]:
    """The credentials with the outcome of a check that still counts, made now where there is none.

    With `refresh` each is checked now. Raises Refused. Never call it in a transaction.
    """
    for company_id in {credential.company_id for credential in credentials}:
        need(actor, "credentials.check", company_id)
    ids = [one.pk for one in credentials]
    if refresh:
        checking.check(ids)
    else:
        checking.current(ids)
    return list(query(actor).filter(pk__in=ids).order_by("pk"))
