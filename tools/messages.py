"""Bring the translations in step with the code; ``--check`` only says which of them are not.

A catalogue keeps the translations of the strings that are still marked, in one order and without dates, places or
guesses, so that it changes only with the strings.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from babel.messages import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir, extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from multiflexi.cli import manual

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("multiflexi", "daemons")
CATALOGUES = ROOT / "multiflexi" / "locale"
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
HEADER = """\
Project-Id-Version: MultiFlexi
Language: {language}
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit
Plural-Forms: {plural_forms}
"""


class SteadyCatalog(Catalog):
    """A catalogue whose header holds only what does not change from run to run."""

    def __iter__(self) -> Iterator[Message]:
        """The header, then the messages."""
        _header, *messages = super().__iter__()
        yield Message("", HEADER.format(language=self.locale_identifier, plural_forms=self.plural_forms))
        yield from messages


def marked() -> Catalog:
    """Every string of the code that is marked as translatable."""
    found = Catalog()
    for folder in SOURCES:
        for _file, _line, text, comments, context in extract_from_dir(
            ROOT / folder,
            method_map=[("**.py", "python"), ("**/templates/**.html", _template), ("**/templates/**.txt", _template)],
            keywords=KEYWORDS,
            comment_tags=("Translators:",),
        ):
            found.add(text, auto_comments=comments, context=context)
    for text in manual.texts():
        found.add(text)
    return found


def _template(stream: IO[bytes], keywords: Any, tags: Any, options: Any) -> Iterator[Any]:
    """The marked strings of a template: Django turns it into something that reads like Python."""
    lines = io.BytesIO(templatize(stream.read().decode()).encode())
    yield from extract_python(lines, keywords, tags, options)


def merged(catalogue: Path, strings: Catalog) -> SteadyCatalog:
    """The marked strings with the translations of a .po file, where it has them."""
    language = catalogue.parents[1].name
    with catalogue.open("rb") as stream:
        known = read_po(stream, locale=language)
    result = SteadyCatalog(locale=language, header_comment="# Order and header are kept by `make messages`.")
    for message in strings:
        if not message.id:
            continue
        old = known.get(message.id, message.context)
        added = result.add(
            message.id,
            old.string if old and not old.fuzzy else None,
            auto_comments=message.auto_comments,
            user_comments=old.user_comments if old else (),
            context=message.context,
        )
        # Not every version of Babel guesses this flag, and it is wrong for a text with both kinds of braces.
        added.flags.discard("python-brace-format")
    return result


def files_of(catalogue: Path, strings: Catalog) -> dict[Path, bytes]:
    """What the .po file and the .mo file beside it must hold."""
    messages = merged(catalogue, strings)
    text, compiled = io.BytesIO(), io.BytesIO()
    write_po(text, messages, width=0, sort_output=True)
    write_mo(compiled, messages)
    return {catalogue: text.getvalue().rstrip() + b"\n", catalogue.with_suffix(".mo"): compiled.getvalue()}


def out_of_step() -> dict[Path, bytes]:
    """The files of all languages that do not hold what they must, with what they must hold."""
    strings = marked()
    return {
        file: content
        for catalogue in sorted(CATALOGUES.glob("*/LC_MESSAGES/django.po"))
        for file, content in files_of(catalogue, strings).items()
        if not file.exists() or file.read_bytes() != content
    }


def untranslated(catalogue: Path) -> list[str]:
    """The marked strings that a .po file has no translation for."""
    messages = merged(catalogue, marked())
    return [str(message.id) for message in messages if message.id and not _is_complete(message)]


def _is_complete(message: Message) -> bool:
    forms = message.string if isinstance(message.string, tuple | list) else (message.string,)
    return bool(forms) and all(forms)


def main() -> int:
    """Write or check all catalogues; 1 when a checked one is out of step or a string has no translation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing")
    checking = parser.parse_args().check
    stale = out_of_step()
    for file, content in stale.items():
        if not checking:
            file.write_bytes(content)
        said = "is out of step with the code; run `make messages` and commit it" if checking else "was written"
        sys.stdout.write(f"{file.relative_to(ROOT)} {said}\n")
    lacking = {file: untranslated(file) for file in sorted(CATALOGUES.glob("*/LC_MESSAGES/django.po"))}
    for file, texts in lacking.items():
        for text in texts:
            sys.stderr.write(f"{file.relative_to(ROOT)} has no translation of: {text}\n")
    return 1 if any(lacking.values()) or (checking and stale) else 0


if __name__ == "__main__":
    sys.exit(main())
