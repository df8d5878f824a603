"""The reference page of all settings, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from .declare import Setting

INTRODUCTION = """\
# Settings

A setting is read from the process environment, else from the settings file, else it has its default. The file is the
one named by `--environment`, else by `MULTIFLEXI_ENV_FILE`, else the first that exists of
`/etc/multiflexi/multiflexi.env`, `/etc/multiflexi/.env` and, in a source tree, `.env`.

Lines are `KEY=value`; `#` begins a comment, values may be quoted, `export` is ignored. A file whose name ends in
`.json` holds one JSON object instead. An empty value means "not set". Truth values are `1`/`0`, `true`/`false`,
`yes`/`no`, `on`/`off`; sizes take `K`, `M` and `G`; lists are separated by commas; relative paths count from the
settings file. Every secret may also be given as `NAME_FILE`, the path of a file that holds it.

A missing or wrong value stops every program with exit status 78 and one line that names the setting.
`multiflexi-cli config:check` shows what is in effect and where it comes from. Settings marked ↻ change at
`systemctl reload`, the others at the next start."""


def markdown(declared: Sequence[Setting]) -> Iterator[str]:
    """Lines of the reference page, one table per group in order of declaration."""
    yield INTRODUCTION
    for title, settings in groupby(declared, key=lambda setting: setting.group):
        yield f"\n## {title}\n"
        yield "| Setting | Type | Default | Meaning |"
        yield "|---|---|---|---|"
        for setting in settings:
            mark = " ↻" if setting.live else ""
            yield f"| `{setting.name}`{mark} | {_type_of(setting)} | {_default_of(setting)} | {_meaning_of(setting)} |"


def _type_of(setting: Setting) -> str:
    if setting.choices:
        return " ".join(f"`{choice}`" for choice in setting.choices)
    words = [setting.type]
    if setting.shortest:
        words.append(f"≥ {setting.shortest} characters")
    if setting.minimum is not None:
        words.append(f"≥ {setting.minimum:g}")
    if setting.maximum is not None:
        words.append(f"≤ {setting.maximum:g}")
    return ", ".join([*words, *(["secret"] if setting.secret else [])])


def _default_of(setting: Setting) -> str:
    return setting.default_text or _plain(setting.default)


def _plain(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "–"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{', '.join(value) if isinstance(value, list) else value}`"


def _meaning_of(setting: Setting) -> str:
    extras = [f"also `{alias}`" for alias in setting.aliases]
    if setting.roles:
        names = ", ".join(setting.roles)
        extras.append(f"`MULTIFLEXI_<ROLE>_{setting.name.removeprefix('MULTIFLEXI_')}` wins for one of {names}")
    extras += [f"{role}: `{str(value).lower()}`" for role, value in setting.role_defaults.items()]
    return "; ".join([setting.help, *extras])
