"""Guard for regular expressions that come from definition files.

Python's matcher backtracks and has no time limit, so a pattern is used only if its shape cannot explode: a
repeated group must not itself vary, and few open-ended parts may compete for the same stretch of a file name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MAX_LENGTH = 512
MAX_COMPETING = 3
# From here on a bounded repetition costs as much as an unbounded one.
MANY = 10
# Ways through the bounded choices of a pattern: optional parts, short ranges, alternatives.
MAX_WAYS = 4096

_TOKEN = re.compile(
    r"""(?P<flags>\A\(\?[imsau]+\))
      | (?P<escape>\\(?:.|\Z))
      | (?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])
      | (?P<open>\((?P<kind>\?(?:[imsau]*:|P<\w+>|.{1,3}?))?)
      | (?P<close>\))
      | (?P<repeat>[*+?]|\{(?=[\d,])\d*,?\d*\})[?+]?
      | (?P<either>\|)
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_PLAIN_GROUP = re.compile(r"\?(?:[imsau]*:|P<\w+>)")
_PLACEHOLDER = re.compile(r"\$?\{[A-Z_][A-Z0-9_]*\}")
_SAMPLE = [*map(chr, range(32, 127)), "č"]


def problem(pattern: str) -> str | None:
    """Why a pattern will not be used, or None; placeholders of variables stand for a literal text."""
    if len(pattern) > MAX_LENGTH:
        return f"is longer than {MAX_LENGTH} characters"
    literal = _PLACEHOLDER.sub("X", pattern)
    try:
        re.compile(literal)
    except (re.error, RecursionError, OverflowError) as error:
        return f"is no regular expression: {error}"
    return _Shape().problem(literal)


@dataclass
class _Shape:
    """Walk over the tokens of a valid pattern."""

    groups: list[bool] = field(default_factory=lambda: [False])  # Per open group: does its content vary?
    alternatives: list[int] = field(default_factory=lambda: [1])
    ways: int = 1
    last_varies: bool = False
    last_set: frozenset[str] = frozenset()
    competing: int = 0
    contested: frozenset[str] = frozenset()
    separator: tuple[int, frozenset[str]] | None = None  # What to restore if the separator turns out optional.

    def problem(self, pattern: str) -> str | None:
        separable = "|" not in pattern and not pattern.startswith("(?")
        for token in _TOKEN.finditer(pattern):
            if token["flags"]:
                continue
            refusal = self._refused(token)
            if refusal:
                return refusal
            if token["open"]:
                self.groups.append(False)
                self.alternatives.append(1)
            elif token["close"]:
                self._close()
            elif token["either"]:
                self.groups[-1] = True
                self.alternatives[-1] += 1
            elif token["repeat"]:
                low, high = _bounds(token["repeat"])
                if self.last_varies and (high is None or high > 1):
                    return "repeats a group that itself varies, which can take forever"
                self._repeat(low, high)
            else:
                self._character(token[0], separable and len(self.groups) == 1)
            if self.ways > MAX_WAYS:
                return "has too many optional parts and alternatives"
            if self.competing > MAX_COMPETING:
                return f"has more than {MAX_COMPETING} open-ended parts that compete for the same characters"
        return None

    @staticmethod
    def _refused(token: re.Match[str]) -> str | None:
        if token["kind"] and not _PLAIN_GROUP.fullmatch(token["kind"]):
            return "uses look-around, a condition or a back reference, which the platform does not run"
        if token["escape"] and token["escape"][1:] in set("123456789"):
            return "uses a back reference, which the platform does not run"
        return None

    def _close(self) -> None:
        self.last_varies = self.groups.pop()
        self.ways *= self.alternatives.pop()
        self.groups[-1] |= self.last_varies
        self.last_set, self.separator = frozenset(_SAMPLE), None

    def _repeat(self, low: int, high: int | None) -> None:
        if self.separator and low == 0:
            self.competing, self.contested = self.separator
        if low != high:
            self.groups[-1] = True
        if high is None or high - low > MANY:
            self.competing += 1
            self.contested |= self.last_set
        else:
            self.ways *= high - low + 1

    def _character(self, text: str, may_separate: bool) -> None:
        self.last_varies = False
        self.last_set = _matched_by(text)
        self.separator = None
        if may_separate and self.last_set and not self.last_set & self.contested:
            self.separator = (self.competing, self.contested)
            self.competing, self.contested = 0, frozenset()


def _matched_by(text: str) -> frozenset[str]:
    if text in "^$" or text in (r"\b", r"\B", r"\A", r"\Z"):
        return frozenset()
    rule = re.compile(text if len(text) > 1 or text == "." else re.escape(text))
    return frozenset(character for character in _SAMPLE if rule.fullmatch(character))


def _bounds(text: str) -> tuple[int, int | None]:
    if text in "*+?":
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[text]
    low, comma, high = text[1:-1].partition(",")
    return int(low or 0), (int(high) if high else None) if comma else int(low)
