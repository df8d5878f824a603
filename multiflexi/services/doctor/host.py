"""This host, and what it talks to: executors, web settings, Redis, mail, Zabbix, telemetry."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from multiflexi.environ import SettingsError
from multiflexi.environ import mail as mail_settings
from multiflexi.services import executor_check, rate_redis
from multiflexi.services.doctor.finding import Finding, State, broken, doubtful, well

ZABBIX_PORT = 10051
PORTS = {"http": 80, "https": 443}
EVERYBODY = ("0.0.0.0/0", "::/0", "*")


def executors(timeout: float) -> Iterator[Finding]:
    """What executors need on this host; applies to hosts that run one."""
    for report in executor_check.check(()):
        for one in report["checks"]:
            yield Finding(f"{report['executor']} {one['name']}", State(one["level"]), one["message"], one["hint"])


def web(timeout: float) -> Iterator[Finding]:
    """Settings of web processes that open more than they should."""
    found = []
    if "*" in settings.MULTIFLEXI_ALLOWED_HOSTS:
        found.append(("MULTIFLEXI_ALLOWED_HOSTS", _("web processes answer to any host name"), _("name the real ones")))
    if any(one in EVERYBODY for one in settings.MULTIFLEXI_TRUSTED_PROXIES):
        told = _("anybody may claim to be a proxy and forge the address of a caller")
        found.append(("MULTIFLEXI_TRUSTED_PROXIES", told, _("name the addresses of your proxies only")))
    if settings.API_TOKEN_IN_QUERY:
        told = _("tokens and passwords are accepted in addresses, which end up in logs")
        found.append(("API_TOKEN_IN_QUERY", told, _("switch it off when no client needs it")))
    yield from [doubtful(*one) for one in found] or [well("web", _("nothing stands open"))]


def cache(timeout: float) -> Iterator[Finding]:
    """Whether the server that counts requests answers."""
    if not settings.CACHE_URL:
        yield Finding("cache", State.SKIPPED, _("off: CACHE_URL is not set, requests are counted in the database"))
        return
    try:
        yield well("cache", f"Redis {rate_redis.ping(timeout)}")
    except SettingsError as error:
        yield broken("cache", str(error), _("correct CACHE_URL or leave it out"))
    except rate_redis.Away as error:
        told = _("the server of CACHE_URL does not answer: %(reason)s; new passwords and exports are refused")
        hint = _("check address, password and server, or leave CACHE_URL out")
        yield broken("cache", told % {"reason": error}, hint)


def mail(timeout: float) -> Iterator[Finding]:
    """Whether the server that sends mail accepts connections."""
    if not settings.MULTIFLEXI_MAIL_URL:
        yield Finding("mail", State.SKIPPED, _("off: MULTIFLEXI_MAIL_URL is not set, nobody gets mail"))
        return
    try:
        _backend, host, port, *_access = mail_settings.server(settings.MULTIFLEXI_MAIL_URL)
    except SettingsError as error:
        yield broken("mail", str(error), _("correct MULTIFLEXI_MAIL_URL or leave it out"))
    else:
        yield _answers("mail", host, port, timeout)


def zabbix(timeout: float) -> Iterator[Finding]:
    """Whether the servers or proxies accept connections."""
    if not settings.ZABBIX_SERVER:
        yield Finding("zabbix", State.SKIPPED, _("off: ZABBIX_SERVER is not set"))
    for server in settings.ZABBIX_SERVER:
        host, _colon, port = server.rpartition(":") if server.count(":") == 1 else (server, "", "")
        yield _answers("zabbix", host, int(port) if port.isdigit() else ZABBIX_PORT, timeout)


def telemetry(timeout: float) -> Iterator[Finding]:
    """Whether the collector accepts connections."""
    if not settings.OTEL_ENABLED or settings.OTEL_SDK_DISABLED:
        yield Finding("telemetry", State.SKIPPED, _("off: OTEL_ENABLED is not set"))
        return
    address = urlsplit(settings.OTEL_EXPORTER_OTLP_ENDPOINT)
    yield _answers("telemetry", address.hostname or "", address.port or PORTS.get(address.scheme, 80), timeout)


def _answers(name: str, host: str, port: int, timeout: float) -> Finding:
    try:
        socket.create_connection((host, port), timeout=timeout).close()
    except OSError as error:
        told = _("%(host)s:%(port)d does not answer: %(reason)s")
        reason = error.strerror or str(error)
        return doubtful(
            name, told % {"host": host, "port": port, "reason": reason}, _("check address, firewall and server")
        )
    return well(name, f"{host}:{port}")
