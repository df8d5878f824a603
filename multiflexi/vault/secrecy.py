"""Which fields are secret, and how a secret is shown."""

import re

MASK = "•" * 8
NOT_SET = "(not set)"

_SECRET_TYPES = frozenset({"password", "secret"})
# Types whose values are choices, numbers, addresses or paths; a name alone never makes them secret.
_NAMES_OF_PLAIN_TYPES = "bool boolean checkbox switch integer number float set select email file-path file directory"
_PLAIN_TYPES = frozenset(_NAMES_OF_PLAIN_TYPES.split())
_WORDS = "PASSWORD|PASSWD|PASS|PWD|SECRET|TOKEN|APIKEY|API_KEY|ACCESS_KEY|PRIVATE_KEY|CREDENTIAL|DSN"
_SECRET_NAME = re.compile(rf"(?:^|_)(?:{_WORDS})_|(?:{_WORDS})$")
_PLAIN_NAME = re.compile(r"SHOW_|_(?:NAME|ID|URL|FILE|PATH|TTL|TIMEOUT)$")


def is_secret_field(name: str, type: str | None, declared: bool | None = None) -> bool:
    """Whether a field holds a secret.

    Types `password` and `secret` always do. Else the flag declared by the definition, the provider or an
    administrator decides; without one, the name does, for types that can hold free text.
    """
    kind = (type or "").strip().lower()
    if kind in _SECRET_TYPES:
        return True
    if declared is not None:
        return declared
    return kind not in _PLAIN_TYPES and named_like_a_secret(name)


def named_like_a_secret(name: str) -> bool:
    """Whether a variable name alone suggests a secret, such as `FIO_TOKEN` but not `FIO_TOKEN_NAME`."""
    plain = name.upper().replace("-", "_").replace(".", "_")
    return bool(_SECRET_NAME.search(plain)) and not _PLAIN_NAME.search(plain)


def display(value: str | None) -> str:
    """How a secret is shown: eight bullets, or `(not set)`; its length is never disclosed."""
    return MASK if value else NOT_SET
