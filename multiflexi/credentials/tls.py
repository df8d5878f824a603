"""Encryption of connections: certificates are always verified, a private authority can be added."""

from __future__ import annotations

import os
import socket
import ssl

from cryptography import x509
from django.utils.translation import gettext as _

from multiflexi.credentials.contract import Given
from multiflexi.credentials.network import Cause, Network, Trouble
from multiflexi.credentials.verdicts import misconfigured


def context(given: Given) -> ssl.SSLContext:
    """Trust in the authorities of the system, and in the `authority` (PEM) of the type. Raises CannotResolve."""
    trust = ssl.create_default_context()
    authority = str(given.options.get("authority") or "").strip()
    broken = False
    if authority:
        try:
            trust.load_verify_locations(cadata=authority)
        except (ssl.SSLError, ValueError):
            broken = True
    if broken:
        raise misconfigured(_("The private authority of the credential type is no certificate in PEM form."))
    return trust


def secured(connection: socket.socket, host: str, port: int, network: Network, trust: ssl.SSLContext) -> ssl.SSLSocket:
    """The connection with encryption, its certificate verified for the host. Raises Trouble."""
    try:
        return trust.wrap_socket(connection, server_hostname=host)
    except OSError as error:
        raise trouble(error, host, port, network) from None


def trouble(error: OSError, host: str, port: int, network: Network) -> Trouble:
    """What an error during the handshake means; for a certificate that is not accepted, with the day of its end."""
    if network.is_over or isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return network.trouble(error, host, port)
    if isinstance(error, ssl.SSLError):
        return Trouble(Cause.TLS, host, port, expiry(host, port, network))
    return network.trouble(error, host, port)


def expiry(host: str, port: int, network: Network) -> str:
    """Until when the certificate of a server is valid, asked without trusting it; empty when that cannot be told."""
    curious = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    curious.check_hostname = False
    curious.verify_mode = ssl.CERT_NONE
    try:
        with network.connect(host, port) as connection, curious.wrap_socket(connection, server_hostname=host) as seen:
            certificate = x509.load_der_x509_certificate(seen.getpeercert(binary_form=True) or b"")
    except (OSError, ValueError, Trouble):
        return ""
    return certificate.not_valid_after_utc.isoformat()


def identify(trust: ssl.SSLContext, certificate: str, key: str) -> bool:
    """Sign in with a client certificate (PEM); whether it could be read.

    The library takes it from a file only. One in memory leaves nothing behind, whatever becomes of the process.
    """
    with os.fdopen(os.memfd_create("certificate", os.MFD_CLOEXEC), "w", encoding="utf-8") as file:
        file.write(f"{certificate}\n{key}\n")
        file.flush()
        try:
            # An encrypted key must not make the library ask at a terminal.
            trust.load_cert_chain(f"/proc/self/fd/{file.fileno()}", password="")
        except (ssl.SSLError, ValueError, OSError):
            return False
    return True
