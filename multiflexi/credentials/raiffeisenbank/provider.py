"""Raiffeisenbank: the certificate is looked at here, without a call to the bank."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12
from django.utils.translation import gettext as _

from multiflexi.credentials import files
from multiflexi.credentials.base import ShippedProvider
from multiflexi.credentials.contract import CannotResolve, Given, Result, Value
from multiflexi.credentials.network import Network
from multiflexi.credentials.verdicts import available, degraded, misconfigured, require

CERTIFICATE, PASSWORD = "CERT_FILE", "CERT_PASS"
RATES = "RBAPI_RATE_LIMIT_JSON_FILE"
LARGEST = 256 * 1024
WARN_BEFORE = timedelta(days=14)


class RaiffeisenBank(ShippedProvider):
    """Opens the PKCS#12 file and reads until when its certificate is valid.

    Jobs get the place of a file in which the bank's limits of requests are counted from run to run.
    """

    code = "RaiffeisenBank"
    supplies = True

    def supply(self, given: Given, network: Network) -> Mapping[str, Value]:
        return {RATES: Value(f"{{MULTIFLEXI_TMP}}/inputs/{RATES}/rates.json", secret=False)}

    def probe(self, given: Given, network: Network) -> Result:
        require(given, "ACCOUNT_NUMBER", PASSWORD, "XIBMCLIENTID")
        # Opening can be made as slow as the maker of the file wishes.
        found = network.within(lambda: _certificate(given))
        end, now = found.not_valid_after_utc, datetime.now(UTC)
        details = {"certificate_expires": end.isoformat(), "subject": found.subject.rfc4514_string()}
        day = {"day": end.date().isoformat()}
        if now >= end:
            raise misconfigured(_("The certificate has expired on %(day)s; upload a new one.") % day, details)
        if now < found.not_valid_before_utc:
            raise misconfigured(_("The certificate is not valid yet."), details)
        if end - now < WARN_BEFORE:
            result = degraded(_("The certificate expires on %(day)s; get a new one.") % day, details=details)
        else:
            result = available(_("The certificate is valid until %(day)s.") % day, details=details)
        return replace(result, expires={CERTIFICATE: end})

    def expires(self, given: Given) -> datetime | None:
        try:
            return _certificate(given).not_valid_after_utc
        except CannotResolve:
            return None


def _certificate(given: Given) -> x509.Certificate:
    if CERTIFICATE not in given.files:
        require(given, CERTIFICATE)
    data, found = files.content(given, CERTIFICATE, LARGEST), None
    try:
        _key, found, _more = pkcs12.load_key_and_certificates(data, given.text(PASSWORD).encode())
    except ValueError:
        problem = _("The file of %(name)s cannot be opened: it is no PKCS#12 file, or %(password)s is wrong.")
    else:
        problem = _("The file of %(name)s holds no certificate.")
    if found is None:
        raise misconfigured(problem % {"name": CERTIFICATE, "password": PASSWORD})
    return found
