"""Text of others on a terminal: what would move the cursor or change colours is shown instead of obeyed."""

from __future__ import annotations

import re
from typing import TextIO

# All control characters but tab and newline.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def shown_on(out: TextIO, text: str) -> str:
    """The text as it is written to `out`: unchanged, with `\\x1b` and the like on a terminal."""
    return CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text) if out.isatty() else text
