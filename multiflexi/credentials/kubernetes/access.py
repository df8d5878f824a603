"""Where a cluster is and how to sign in there; a kubeconfig is read for its plain values only."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from django.utils.translation import gettext as _

from multiflexi.credentials.verdicts import misconfigured

_LARGEST = 256 * 1024


@dataclass(frozen=True)
class Access:
    """A cluster's address and an account there; certificates and keys are PEM texts."""

    server: str
    token: str = field(default="", repr=False)
    authority: str = ""
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    namespace: str = ""


def from_kubeconfig(text: str, name: str) -> Access:
    """The current context of a kubeconfig. Raises CannotResolve.

    Programs that it names for signing in are not run, files of this host are not read, and it cannot switch off the
    verification of certificates.
    """
    config = _document(text)
    context = _named(config, "contexts", "context", config.get("current-context"))
    cluster = _named(config, "clusters", "cluster", context.get("cluster"))
    user = _named(config, "users", "user", context.get("user"))
    if not isinstance(cluster.get("server"), str):
        raise misconfigured(_("%(name)s is no kubeconfig with a current context and a server.") % {"name": name})
    if cluster.get("insecure-skip-tls-verify"):
        raise misconfigured(_("%(name)s must not switch the verification of certificates off.") % {"name": name})
    certificate, key = _decoded(user, "client-certificate-data"), _decoded(user, "client-key-data")
    token = user.get("token")
    if not (isinstance(token, str) and token) and not (certificate and key):
        raise misconfigured(
            _("%(name)s must hold a token, or a client certificate and key; files and programs are not used.")
            % {"name": name}
        )
    return Access(
        server=cluster["server"],
        token=token if isinstance(token, str) else "",
        authority=_decoded(cluster, "certificate-authority-data"),
        certificate=certificate,
        key=key,
        namespace=str(context.get("namespace") or ""),
    )


def _document(text: str) -> Mapping[str, Any]:
    try:
        found = yaml.safe_load(text) if len(text) <= _LARGEST else None
    except (yaml.YAMLError, ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {}


def _named(config: Mapping[str, Any], group: str, member: str, name: object) -> Mapping[str, Any]:
    entries = config.get(group)
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and entry.get("name") == name and isinstance(entry.get(member), dict):
            found: Mapping[str, Any] = entry[member]
            return found
    return {}


def _decoded(source: Mapping[str, Any], key: str) -> str:
    try:
        return base64.b64decode(str(source.get(key) or "")).decode("ascii")
    except (binascii.Error, ValueError):
        return ""
