"""A complete credential of every shipped kind, for a server at a given place, with secrets that can be found again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from multiflexi.credentials.contract import Given
from tests.unit.credentials.standin import HOST, authority

# Every secret contains it, so that any part of a secret that leaks can be recognised.
MARK = "Zq9Kanarek"
HEX_MARK = "decafbad"


@dataclass(frozen=True)
class Sample:
    """How to make a credential for host and port; `servers` are the provider's own attributes that name a server."""

    values: Callable[[int], Mapping[str, str]]
    internal: Callable[[int], Mapping[str, str]] = lambda port: {}
    options: Mapping[str, object] | None = None
    servers: tuple[str, ...] = ()
    speaks_http: bool = False
    uses_network: bool = True


def _secret(name: str) -> str:
    return f"{MARK}-{name}"


def _database(kind: str) -> Callable[[int], Mapping[str, str]]:
    return lambda port: {
        "DB_CONNECTION": kind,
        "DB_HOST": HOST,
        "DB_PORT": str(port),
        "DB_DATABASE": "books",
        "DB_USERNAME": "reader",
        "DB_PASSWORD": _secret("db"),
    }


SAMPLES: dict[str, Sample] = {
    "AbraFlexi": Sample(
        lambda port: {
            "ABRAFLEXI_URL": f"https://{HOST}:{port}",
            "ABRAFLEXI_LOGIN": "winstrom",
            "ABRAFLEXI_PASSWORD": _secret("abra"),
            "ABRAFLEXI_COMPANY": "acme",
        },
        speaks_http=True,
    ),
    "Azure": Sample(
        lambda port: {
            "AZURE_TENANT_ID": "acme",
            "AZURE_CLIENT_ID": "00000000-0000-0000-0000-000000000000",
            "AZURE_CLIENT_SECRET": _secret("azure"),
            "AZURE_SUBSCRIPTION_ID": "one",
        },
        servers=("login", "management"),
        speaks_http=True,
    ),
    "Common": Sample(
        lambda port: {"PROBE_ENDPOINT": f"https://{HOST}:{port}", "PROBE_API_KEY": _secret("probe")},
        options={"check": {"http": {"url": "{PROBE_ENDPOINT}/health"}}},
        speaks_http=True,
    ),
    "Csas": Sample(
        lambda port: {"CSAS_API_KEY": _secret("key"), "CSAS_ACCESS_TOKEN": _secret("token")}, uses_network=False
    ),
    "DatabaseConnection": Sample(_database("pgsql")),
    "EnvFile": Sample(lambda port: {}, lambda port: {"ENV_FILE_PATH": "shared/bank.env"}, uses_network=False),
    "FioBank": Sample(lambda port: {"FIO_TOKEN": MARK.ljust(64, "x")}, servers=("server",)),
    "Kubernetes": Sample(
        lambda port: {"KUBE_API_SERVER": f"https://{HOST}:{port}", "KUBE_TOKEN": _secret("kube")}, speaks_http=True
    ),
    "MServer": Sample(
        lambda port: {
            "POHODA_URL": f"https://{HOST}:{port}",
            "POHODA_USERNAME": "api",
            "POHODA_PASSWORD": _secret("pohoda"),
        },
        speaks_http=True,
    ),
    "Mail": Sample(lambda port: {"MAIL_DSN": f"smtp://jobs:{_secret('mail')}@{HOST}:{port}"}),
    "Office365": Sample(
        lambda port: {
            "OFFICE365_TENANT": "acme",
            "OFFICE365_CLIENTID": "00000000-0000-0000-0000-000000000000",
            "OFFICE365_CLSECRET": _secret("office"),
        },
        servers=("login", "graph"),
        speaks_http=True,
    ),
    "RaiffeisenBank": Sample(
        lambda port: {
            "ACCOUNT_NUMBER": "123",
            "CERT_FILE": "shared/bank.p12",
            "CERT_PASS": _secret("cert"),
            "XIBMCLIENTID": _secret("client"),
        },
        uses_network=False,
    ),
    "Registry": Sample(
        lambda port: {
            "REGISTRY": f"{HOST}:{port}",
            "REGISTRY_USERNAME": "puller",
            "REGISTRY_PASSWORD": _secret("registry"),
        },
        speaks_http=True,
    ),
    "SQLServer": Sample(_database("sqlsrv")),
    "SSH": Sample(
        lambda port: {
            "SSH_HOST": HOST,
            "SSH_PORT": str(port),
            "SSH_USERNAME": "runner",
            "SSH_PASSWORD": _secret("ssh"),
            "SSH_PASSPHRASE": _secret("phrase"),
        }
    ),
    "VaultWarden": Sample(
        lambda port: {},
        lambda port: {
            "VAULTWARDEN_URL": f"https://{HOST}:{port}",
            "VAULTWARDEN_EMAIL": "safe@example.org",
            "VAULTWARDEN_PASSWORD": _secret("vault"),
            "VAULTWARDEN_FOLDER": "MultiFlexi",
        },
        speaks_http=True,
    ),
    "Zabbix": Sample(
        lambda port: {
            "ZABBIX_URL": f"https://{HOST}:{port}",
            "ZABBIX_SERVER": f"{HOST}:{port}",
            "ZABBIX_API_TOKEN": _secret("zabbix"),
            "ZABBIX_PSK_IDENTITY": "mf",
            "ZABBIX_PSK": HEX_MARK * 8,
        },
        speaks_http=True,
    ),
}


def given(code: str, port: int) -> Given:
    """The sample of a kind, whose server listens at that port and is certified by the test's authority."""
    sample = SAMPLES[code]
    options = {"authority": authority(), **(sample.options or {})}
    return Given(values=sample.values(port), internal=sample.internal(port), options=options, company_id=7)
