"""Find providers by the code of their prototype: the built-in ones, and further ones from the entry points.

A prototype without provider of its own is served by `Common`.
"""

from __future__ import annotations

from functools import cache

from multiflexi import plugins
from multiflexi.credentials.contract import Provider

GROUP = "multiflexi.credential_providers"
COMMON = "Common"

_BUILT_IN: dict[str, str] = {
    "AbraFlexi": "multiflexi.credentials.abraflexi.provider:AbraFlexi",
    "Azure": "multiflexi.credentials.azure.provider:Azure",
    COMMON: "multiflexi.credentials.common.provider:Common",
    "Csas": "multiflexi.credentials.csas.provider:Csas",
    "DatabaseConnection": "multiflexi.credentials.database.provider:DatabaseConnection",
    "EnvFile": "multiflexi.credentials.envfile.provider:EnvFile",
    "FioBank": "multiflexi.credentials.fiobank.provider:FioBank",
    "Kubernetes": "multiflexi.credentials.kubernetes.provider:Kubernetes",
    "MServer": "multiflexi.credentials.mserver.provider:MServer",
    "Mail": "multiflexi.credentials.mail.provider:Mail",
    "Office365": "multiflexi.credentials.office365.provider:Office365",
    "RaiffeisenBank": "multiflexi.credentials.raiffeisenbank.provider:RaiffeisenBank",
    "Registry": "multiflexi.credentials.ociregistry.provider:OciRegistry",
    "SQLServer": "multiflexi.credentials.sqlserver.provider:SQLServer",
    "SSH": "multiflexi.credentials.ssh.provider:SSH",
    "VaultWarden": "multiflexi.credentials.vaultwarden.provider:VaultWarden",
    "Zabbix": "multiflexi.credentials.zabbix.provider:Zabbix",
}


def names() -> list[str]:
    """Codes of all installed providers in alphabetical order."""
    return sorted({*_BUILT_IN, *plugins.further(GROUP)})


def get(code: str) -> Provider:
    """The provider of that code in any case, else the common one; one instance per process."""
    return _instance({name.lower(): name for name in names()}.get(code.strip().lower(), COMMON))


@cache
def _instance(known: str) -> Provider:
    provider: Provider = plugins.load(_BUILT_IN, GROUP, known)()
    return provider
