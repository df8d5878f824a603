"""Sending mail from pages."""

from __future__ import annotations

import logging
import threading

from django.core.mail import send_mail

log = logging.getLogger(__name__)


def send(subject: str, text: str, to: str) -> None:
    """In a thread of its own: how long an answer takes must tell nothing, and a slow mail server must stop nobody."""
    threading.Thread(target=_send, args=(subject, text, to), name="mail", daemon=True).start()


def _send(subject: str, text: str, to: str) -> None:
    try:
        send_mail(subject, text, None, [to])
    except OSError:
        log.exception("a mail of the pages cannot be sent")
