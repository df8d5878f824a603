"""One-time codes by time (RFC 6238): HMAC-SHA-1, six digits, a step of 30 seconds, as all authenticator apps do."""

from __future__ import annotations

import base64
import hmac
import os
from urllib.parse import quote, urlencode

STEP_SECONDS = 30
DIGITS = 6
SECRET_BYTES = 20
# How many steps the clock of a telephone may be off.
TOLERANCE = 1
ISSUER = "MultiFlexi"


def new_secret() -> str:
    """160 random bits in Base32."""
    return base64.b32encode(os.urandom(SECRET_BYTES)).decode()


def code_at(secret: str, step: int) -> str:
    """The code of a step."""
    digest = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def step_of(moment: float) -> int:
    """The step that a moment, in seconds since 1970, falls into."""
    return int(moment) // STEP_SECONDS


def matching_step(secret: str, code: str, moment: float) -> int | None:
    """The step around this moment that the code belongs to; None for a wrong code."""
    now = step_of(moment)
    # All are compared, so that the time taken tells nothing.
    fitting = [
        step
        for step in range(now - TOLERANCE, now + TOLERANCE + 1)
        if hmac.compare_digest(code_at(secret, step).encode(), code.encode())
    ]
    return fitting[0] if fitting else None


def address(secret: str, login: str) -> str:
    """What the picture for the authenticator app says."""
    label = quote(f"{ISSUER}:{login}", safe="")
    return f"otpauth://totp/{label}?{urlencode({'secret': secret.rstrip('='), 'issuer': ISSUER})}"
