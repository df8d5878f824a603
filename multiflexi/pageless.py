"""Django for processes that serve no pages: what only pages need of it is loaded once something asks for it."""

from __future__ import annotations

import importlib
import sys
import threading
from types import ModuleType
from typing import Any

# Models import these for methods that only pages call; loading them takes a tenth of a command's start.
FOR_PAGES = ("django.forms", "sqlparse")

_loading = threading.RLock()


def set_up() -> None:
    """Load the applications of the settings, as `django.setup()` does, but no HTTP, templates and forms.

    Raises what settings and models raise. Call it before anything imports models.
    """
    for name in FOR_PAGES:
        sys.modules.setdefault(name, _PutOff(name))
    from django.apps import apps
    from django.conf import settings

    apps.populate(settings.INSTALLED_APPS)


class _PutOff(ModuleType):
    """Stands for a module until something asks for one of its names; who imported it before keeps the stand-in."""

    def __getattr__(self, name: str) -> Any:
        with _loading:
            if sys.modules.get(self.__name__) is self:
                del sys.modules[self.__name__]
            return getattr(importlib.import_module(self.__name__), name)
