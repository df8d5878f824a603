"""How fast the processor is just now, for promises about time: shared machines are slower by half for hours."""

from time import process_time

ADDITIONS = 1_000_000
USUAL_SECONDS = 0.03


def slowness() -> float:
    """How many times longer than usual this interpreter takes for a million additions; at least 1."""
    return max(1.0, min(_seconds() for _ in range(5)) / USUAL_SECONDS)


def _seconds() -> float:
    begun = process_time()
    total = 0
    for number in range(ADDITIONS):
        total += number
    return process_time() - begun
