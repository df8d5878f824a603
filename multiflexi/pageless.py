"""Django for processes that serve no pages: modules they seldom need are loaded once something asks for their names."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.abc import Loader

# Imported for what only pages, other loops, other installations or secrets take; loading them takes a sixth of a
# command's start.
PUT_OFF = frozenset(
    {
        "asyncio.sslproto",
        "bz2",
        "ctypes",
        "ctypes.util",
        "difflib",
        "django.core.checks.caches",
        "django.forms",
        "lzma",
        "multiflexi.vault.cipher",
        "sqlparse",
        "ssl",
        "tempfile",
        "zipfile",
    }
)


def put_off() -> None:
    """Let these modules wait; it concerns those that nothing has imported yet, so call it before Django is imported."""
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


def set_up() -> None:
    """Load the applications of the settings, as `django.setup()` does, but no HTTP, templates and forms.

    Raises what settings and models raise. Call it before anything imports models.
    """
    put_off()
    from django.apps import apps
    from django.conf import settings

    apps.populate(settings.INSTALLED_APPS)


# What importing sets before any code runs; a module that does not have them then never will.
_OF_IMPORT = {"__path__", "__file__", "__cached__"}


class _Waiting(ModuleType):
    """A module before its code has run, which happens when a name is asked for that it does not have yet.

    `importlib.util.LazyLoader` does as much, but lets other threads see half of the module (before Python 3.12).
    """

    def __getattr__(self, name: str) -> Any:
        if name in _OF_IMPORT:
            raise AttributeError(name)
        if isinstance(loader := getattr(self.__spec__, "loader", None), _Later):
            loader.run(self)
        return object.__getattribute__(self, name)


class _Later:
    """A loader whose modules wait."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        # One for each module: their codes import one another.
        self._running = threading.RLock()

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Waiting(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass

    def run(self, module: Any) -> None:
        """Run the code of the module, once; other threads wait for its end, and for a new attempt after a failure."""
        with self._running:
            if module.__loader__ is not self:
                return
            # Importers that the code itself leads to see what is there by then, as in any circle of imports.
            module.__loader__ = self._loader
            try:
                self._loader.exec_module(module)
            except BaseException:
                module.__loader__ = self
                raise
            module.__spec__.loader = self._loader


class _Finder:
    """Finds what others find, and lets it wait."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target) if fullname in PUT_OFF else None
        if spec is not None and spec.loader is not None:
            later: Any = _Later(spec.loader)
            spec.loader = later
        return spec


_FINDER = _Finder()
