"""A fresh installation has everything that the code imports."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = ("multiflexi", "daemons")


def _imported(folder: str) -> Iterator[tuple[str, Path]]:
    """Top-level names of absolute imports, also those inside of functions, and of import_module("…")."""
    for file in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                names = [node.module]
            elif isinstance(node, ast.Call) and "import_module" in ast.unparse(node.func):
                names = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            yield from ((name.split(".", maxsplit=1)[0], file) for name in names if name)


def _declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    drivers = [
        line for extra in ("postgresql", "mysql", "redis", "ssh") for line in project["optional-dependencies"][extra]
    ]
    return {_plain(re.split(r"[\s\[<>=!~;]", line)[0]) for line in project["dependencies"] + drivers}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_imported_package_is_a_declared_dependency():
    distributions = packages_distributions()
    declared = _declared()
    undeclared = {
        f"{name} in {file.relative_to(ROOT)}"
        for folder in OURS
        for name, file in _imported(folder)
        if name not in sys.stdlib_module_names and name not in OURS
        if not declared & {_plain(distribution) for distribution in distributions.get(name, [])}
    }
    assert undeclared == set()
