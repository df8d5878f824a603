"""The server that sends mail, from one setting."""

from urllib.parse import unquote, urlsplit

from multiflexi.environ import SettingsError

SMTP = "django.core.mail.backends.smtp.EmailBackend"
NONE = "django.core.mail.backends.dummy.EmailBackend"
PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}


def server(address: str | None) -> tuple[str, str, int, str, str, bool, bool]:
    """Backend, host, port, account, password, STARTTLS and TLS; without an address nothing is sent.

    Raises SettingsError, which shows nothing of the address, since it may hold a password.
    """
    if not address:
        return NONE, "", 25, "", "", False, False
    parts = urlsplit(address)
    try:
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        port = 0
    if parts.scheme not in PORTS or not parts.hostname or not port:
        raise SettingsError(
            "MULTIFLEXI_MAIL_URL is unusable: it must be like smtp+tls://account:password@mail.example.org:587, with "
            f"one of {', '.join(PORTS)}.",
            "MULTIFLEXI_MAIL_URL",
        )
    account, password = unquote(parts.username or ""), unquote(parts.password or "")
    return SMTP, parts.hostname, port, account, password, parts.scheme == "smtp+tls", parts.scheme == "smtps"
