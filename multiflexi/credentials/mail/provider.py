"""Mail: an SMTP server to send by, and an IMAP server to read from."""

from __future__ import annotations

import base64
import imaplib
import smtplib
import socket
import ssl
from collections.abc import Mapping

from django.utils.translation import gettext as _

from multiflexi.credentials import tls
from multiflexi.credentials.base import ShippedProvider
from multiflexi.credentials.contract import Given, Result, Value
from multiflexi.credentials.mail.dsn import Server, parse
from multiflexi.credentials.network import Network, place
from multiflexi.credentials.verdicts import (
    aliases,
    allows,
    available,
    degraded,
    misconfigured,
    port,
    require,
    unavailable,
)
from multiflexi.models import Availability

NAMES = ("MAIL_DSN", "MAILER_DSN")
IMAP_TLS = 993


class Mail(ShippedProvider):
    """Greets, encrypts where that is offered, and signs in; nothing is sent or opened."""

    code = "Mail"
    supplies = True

    def supply(self, given: Given, network: Network) -> Mapping[str, Value]:
        return aliases(given, *NAMES, secret=True)

    def probe(self, given: Given, network: Network) -> Result:
        text = next((given.text(name) for name in NAMES if given.text(name)), "")
        has_imap = bool(given.text("IMAP_HOST"))
        if not text and not has_imap:
            require(given, NAMES[0])
        found = [_smtp(parse(text), given, network)] if text else []
        if has_imap:
            found.append(_imap(given, network))
        # The worst of the two counts.
        return sorted(found, key=lambda result: result.state is Availability.AVAILABLE)[0]


def _smtp(server: Server | None, given: Given, network: Network) -> Result:
    if server is None:
        raise misconfigured(
            _("%(name)s must have the form smtp://user:password@host:port with special characters escaped.")
            % {"name": NAMES[0]}
        )
    where = {"place": place(server.host, server.port)}
    trust = tls.context(given)
    connection = network.connect(server.host, server.port)
    if server.encrypted:
        connection = tls.secured(connection, server.host, server.port, network, trust)
    problem = None
    try:
        session = _Smtp(connection, server.host, network.left)
        session.ehlo_or_helo_if_needed()
        secure = server.encrypted
        if not secure and session.has_extn("starttls"):
            session.starttls(context=trust)
            session.ehlo()
            secure = True
        if server.user:
            if not secure and not allows(given, "allow_plain_login"):
                return degraded(
                    _("%(place)s offers no encryption, so the login was not tried; option allow_plain_login allows it.")
                    % where
                )
            session.sign_in(server.user, server.password)
    except smtplib.SMTPAuthenticationError as error:
        problem = _denied(where) if error.smtp_code >= 500 else _not_ready(where)
    except smtplib.SMTPNotSupportedError:
        problem = misconfigured(_("%(place)s offers no login; remove user and password.") % where)
    except smtplib.SMTPException:
        problem = _not_ready(where)
    except OSError as error:
        trouble = tls.trouble(error, server.host, server.port, network)
        raise trouble from None
    finally:
        connection.close()
    if problem is not None:
        raise problem
    if not server.user:
        return available(_("%(place)s answers.") % where)
    return available(_("%(place)s accepts the login.") % where)


def _imap(given: Given, network: Network) -> Result:
    host, user, password = require(given, "IMAP_HOST", "IMAP_USERNAME", "IMAP_PASSWORD")
    number = port(given, "IMAP_PORT", IMAP_TLS)
    where = {"place": place(host, number)}
    trust = tls.context(given)
    connection = network.connect(host, number)
    if number == IMAP_TLS or allows(given, "imap_tls"):
        connection = tls.secured(connection, host, number, network, trust)
    problem, is_greeted = None, False
    try:
        session = _Imap(connection, host)
        is_greeted = True
        if not isinstance(connection, ssl.SSLSocket):
            if "STARTTLS" not in session.capabilities:
                return degraded(_("%(place)s offers no encryption, so the login was not tried.") % where)
            session.starttls(trust)
        session.sign_in(user, password)
        session.logout()
    except imaplib.IMAP4.abort:
        problem = _not_ready(where)
    except imaplib.IMAP4.error:
        problem = _denied(where) if is_greeted else _not_ready(where)
    except OSError as error:
        raise tls.trouble(error, host, number, network) from None
    finally:
        connection.close()
    if problem is not None:
        raise problem
    return available(_("%(place)s accepts the login.") % where)


def _denied(where: Mapping[str, str]) -> Exception:
    return misconfigured(_("%(place)s refuses the login; correct user and password.") % where)


def _not_ready(where: Mapping[str, str]) -> Exception:
    return unavailable(_("%(place)s takes connections, but is not ready for a session.") % where)


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class _Smtp(smtplib.SMTP):
    """A session on a connection that is there already."""

    def __init__(self, connection: socket.socket, host: str, seconds: float) -> None:
        super().__init__(timeout=seconds, local_hostname=socket.gethostname())
        self.sock, self.file, self._host = connection, None, host
        code, _greeting = self.getreply()
        if code != 220:
            raise smtplib.SMTPConnectError(code, b"")

    def sign_in(self, user: str, password: str) -> None:
        """Sign in, also with characters beyond ASCII, which the base class cannot send. Raises SMTPException."""
        offered = str(self.esmtp_features.get("auth", "")).upper().split()
        if "PLAIN" in offered:
            code, _answer = self.docmd("AUTH", f"PLAIN {_encoded(f'{chr(0)}{user}{chr(0)}{password}')}")
        elif "LOGIN" in offered:
            code, _answer = self.docmd("AUTH", f"LOGIN {_encoded(user)}")
            if code == 334:
                code, _answer = self.docmd(_encoded(password))
        elif offered and user.isascii() and password.isascii():
            code, _answer = self.login(user, password)
        else:
            raise smtplib.SMTPNotSupportedError
        if code in (-1, 421):
            raise smtplib.SMTPServerDisconnected
        if not 200 <= code < 300:
            raise smtplib.SMTPAuthenticationError(code, b"")


class _Imap(imaplib.IMAP4):
    """A session on a connection that is there already."""

    def __init__(self, connection: socket.socket, host: str) -> None:
        self._given = connection
        super().__init__(host)

    def sign_in(self, user: str, password: str) -> None:
        """Sign in, also with characters beyond ASCII where the server takes them. Raises IMAP4.error."""
        if user.isascii() and password.isascii():
            self.login(user, password)
        else:
            self.authenticate("PLAIN", lambda _challenge: f"\0{user}\0{password}".encode())

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return self._given
