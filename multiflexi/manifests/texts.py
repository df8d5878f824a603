"""Localized values: a plain text counts as English, an object has one text per language."""

from __future__ import annotations

from typing import Any

DEFAULT_LANGUAGE = "en"
LANGUAGES = frozenset(
    [
        "ar",
        "bg",
        "cs",
        "da",
        "de",
        "el",
        "en",
        "es",
        "et",
        "fi",
        "fr",
        "he",
        "hi",
        "hr",
        "hu",
        "it",
        "ja",
        "ko",
        "lt",
        "lv",
        "nl",
        "no",
        "pl",
        "pt",
        "ro",
        "ru",
        "sk",
        "sl",
        "sv",
        "tr",
        "uk",
        "zh",
    ]
)

Texts = dict[str, str]


def texts(value: Any) -> Texts:
    """Non-empty texts by language; languages outside the list and values of other kinds are left out."""
    if isinstance(value, str):
        return {DEFAULT_LANGUAGE: value} if value else {}
    if not isinstance(value, dict):
        return {}
    found = {lang: text for lang, text in value.items() if lang in LANGUAGES and isinstance(text, str) and text}
    for variant, text in value.items():
        lang = variant[:2].lower()
        if lang in LANGUAGES and variant[2:3] in ("", "-", "_") and isinstance(text, str) and text:
            found.setdefault(lang, text)
    return found


def unknown_languages(value: Any) -> list[str]:
    """Keys of a localized object that are not in the list of languages."""
    return sorted(set(value) - LANGUAGES) if isinstance(value, dict) else []


def base_text(localized: Texts) -> str:
    """The text for readers without a language of their own: English, else the first."""
    return localized.get(DEFAULT_LANGUAGE) or next(iter(localized.values()), "")


def written(localized: Texts, original: Any = None) -> Any:
    """JSON form of localized texts; the notation of the original is kept while it says the same."""
    if original is not None and not unknown_languages(original) and original != {} and texts(original) == localized:
        return original
    if set(localized) <= {DEFAULT_LANGUAGE}:
        return localized.get(DEFAULT_LANGUAGE, "")
    return dict(localized)
