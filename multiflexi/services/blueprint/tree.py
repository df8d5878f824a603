"""YAML as a tree that knows where everything stands, so that an error can name line and path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml
from django.utils.translation import gettext as _

from multiflexi.services.errors import Invalid

# Aliases let a small file stand for an enormous one.
MOST_SPOTS = 500_000
DEEPEST = 12
NULL = "tag:yaml.org,2002:null"
MERGE = "tag:yaml.org,2002:merge"

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Spot:
    """A value of the file: a text as it is written there, None, a list or a mapping of spots."""

    content: str | list[Spot] | dict[str, Spot] | None
    line: int
    path: str

    def error(self, rule: str, code: str = "invalid_value", **details: Any) -> Invalid:
        """What is wrong here, for raising."""
        where = _("line %(line)d, %(path)s") % {"line": self.line, "path": self.path or _("the file")}
        return Invalid(f"{where}: {rule}", code, details={"line": self.line, "path": self.path, **details})


def parse(text: str | bytes) -> Spot:
    """The tree of one document. Raises Invalid for what is no YAML, for repeated names and for too much of it."""
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        return _Reader(loader).spot(node, "", 0) if node is not None else Spot(None, 1, "")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = Spot(None, mark.line + 1 if mark else 1, "")
        told = _("this is no YAML: %(problem)s; correct it.") % {"problem": error.problem or error.context or ""}
        raise place.error(told, "not_yaml") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError):
        raise Spot(None, 1, "").error(_("this is no YAML text in UTF-8; correct it."), "not_yaml") from None
    finally:
        if loader is not None:
            loader.dispose()


class _Reader:
    """Turns nodes into spots, merge keys (`<<`) filled in."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader
        self._merged: set[int] = set()
        self._made = 0

    def spot(self, node: yaml.Node, path: str, depth: int) -> Spot:
        line = node.start_mark.line + 1
        self._made += 1
        if depth > DEEPEST or self._made > MOST_SPOTS:
            raise Spot(None, line, path).error(_("the file is nested too deeply, or its aliases repeat too much."))
        if isinstance(node, yaml.ScalarNode):
            return Spot(None if node.tag == NULL else node.value, line, path)
        if isinstance(node, yaml.SequenceNode):
            members = [self.spot(one, f"{path}[{number}]", depth + 1) for number, one in enumerate(node.value)]
            return Spot(members, line, path)
        return Spot(self._members(node, path, depth), line, path)

    def _members(self, node: Any, path: str, depth: int) -> dict[str, Spot]:
        if id(node) not in self._merged:
            self._refuse_repeated(node, path)
            self._loader.flatten_mapping(node)
            self._merged.add(id(node))
        members = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            members[name] = self.spot(value, f"{path}.{name}" if path else name, depth + 1)
        return members

    def _refuse_repeated(self, node: Any, path: str) -> None:
        seen = set()
        for key, _value in node.value:
            place = Spot(None, key.start_mark.line + 1, path)
            if not isinstance(key, yaml.ScalarNode):
                raise place.error(_("a name must be a plain text."))
            if key.value in seen and key.tag != MERGE:
                raise place.error(_("%(name)s is given twice; remove one of them.") % {"name": key.value})
            seen.add(key.value)
