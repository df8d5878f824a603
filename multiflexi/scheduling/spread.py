"""A random but stable spread of starts, so that a thousand run templates do not start in the same second."""

from datetime import datetime
from hashlib import blake2b


def jitter(runtemplate_id: int, slot: datetime, seconds: int) -> int:
    """Seconds to add to the start of a slot, evenly spread over 0 … `seconds`.

    The same run template and slot give the same number in every process and after every restart.
    """
    if seconds <= 0:
        return 0
    digest = blake2b(f"{runtemplate_id}:{slot.timestamp():.0f}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) % (seconds + 1)
