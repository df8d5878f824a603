"""The command tree: which noun lives in which module, and the other names it answers to."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from multiflexi.cli.declare import Command, Noun


class Entry(NamedTuple):
    """A noun, or with `single` a command of one word, before its module is imported."""

    name: str
    module: str
    aliases: tuple[str, ...] = ()
    single: bool = False
    alone: str | None = None


class Redirect(NamedTuple):
    """Another spelling of a whole command, with words put in front of its arguments."""

    target: str
    words: tuple[str, ...] = ()


ENTRIES: tuple[Entry, ...] = (
    Entry("help", "builtin", single=True),
    Entry("list", "builtin", single=True),
    Entry("_complete", "completion", single=True),
    Entry("completion", "completion", single=True),
    Entry("version", "builtin", single=True),
    Entry("application", "application", ("app", "apps")),
    Entry("artifact", "artifact", ("artifacts",)),
    Entry("company", "company"),
    Entry("company-app", "company_app", ("companyapp",)),
    Entry("credential", "credential"),
    Entry("credential-prototype", "credential_prototype", ("crprototype", "credprototype")),
    Entry("credential-type", "credential_type", ("credtype", "credentialtype")),
    Entry("encryption", "encryption"),
    Entry("audit", "audit"),
    Entry("event-rule", "event_rule", ("eventrule",)),
    Entry("event-source", "event_source", ("eventsource",)),
    Entry("executor", "executor", ("executors",)),
    Entry("job", "job"),
    Entry("limit", "limit", ("limits",)),
    Entry("queue", "queue", ("schedule",), alone="overview"),
    Entry("run-template", "run_template", ("runtemplate",)),
    Entry("security", "security"),
    Entry("setup", "setup", alone="init"),
    Entry("task", "task"),
    Entry("telemetry", "telemetry"),
    Entry("token", "token", ("tokens",)),
    Entry("user", "user"),
    Entry("user-company", "user_company", ("usercompany",)),
    Entry("user-erasure", "user_erasure", ("user-data-erasure", "userdataerasure")),
    Entry("user-role", "user_role", ("userrole",)),
    Entry("worker", "worker", ("workers",)),
    Entry("apply", "blueprint", single=True),
    Entry("export", "blueprint", single=True),
    Entry("config", "config"),
    Entry("doctor", "doctor", single=True),
    Entry("status", "status", ("appstatus",), single=True),
    Entry("prune", "prune", single=True),
    Entry("describe", "builtin", single=True),
)

REDIRECTS: dict[str, Redirect] = {
    "run": Redirect("job:run"),
    "company:assign-app": Redirect("company-app:assign"),
    "company:unassign-app": Redirect("company-app:unassign"),
    "user:token": Redirect("token:generate"),
    "run-template:env": Redirect("run-template:get", ("--env-only",)),
}

# The action follows these words.
FORMER_NOUNS: dict[str, str] = {"user:data-erasure": "user-erasure"}

ACTION_ALIASES: dict[str, tuple[str, ...]] = {
    "show": ("get",),
    "delete": ("remove",),
    "remove": ("delete",),
    "rm": ("remove", "delete"),
}

NOUN_ACTION_ALIASES: dict[str, dict[str, str]] = {
    "application": {"showconfig": "show-config"},
    "credential-prototype": {"import": "import-json"},
    "credential-type": {"import": "import-json"},
    "queue": {"status": "overview"},
    "run-template": {"run": "schedule", "remove-credential": "unassign-credential"},
}


def entry(name: str) -> Entry:
    return next(one for one in ENTRIES if one.name == name)


def load(one: Entry) -> Noun:
    """The noun with its commands; imports the module on first use."""
    module = importlib.import_module(f"multiflexi.cli.nouns.{one.module}")
    noun: Noun = module.NOUN
    return noun


def command(name: str) -> Command:
    """The command called `noun:action` or, for single words, `word`; both exact.

    Raises KeyError for a name that does not exist.
    """
    noun_name, _, action = name.partition(":")
    one = entry(noun_name)
    return load(one).commands[action or noun_name]


def all_commands() -> list[Command]:
    """Every command in registration order."""
    seen: list[Command] = []
    for one in ENTRIES:
        noun = load(one)
        seen += [noun.commands[one.name]] if one.single else list(noun.commands.values())
    return seen


def aliases_of(name: str) -> list[str]:
    """Other whole names of a command, in colon form."""
    noun_name, _, action = name.partition(":")
    one = entry(noun_name)
    if not action:
        return list(one.aliases)
    actions = [action, *_action_aliases(one, action)]
    names = [f"{noun}:{word}" for noun in (one.name, *one.aliases) for word in actions]
    names += [spelling for spelling, redirect in REDIRECTS.items() if redirect.target == name and not redirect.words]
    return [alias for alias in names if alias != name]


def _action_aliases(one: Entry, action: str) -> list[str]:
    commands = load(one).commands
    found = [word for word, target in NOUN_ACTION_ALIASES.get(one.name, {}).items() if target == action]
    for word, targets in ACTION_ALIASES.items():
        if word not in commands and next((target for target in targets if target in commands), None) == action:
            found.append(word)
    return found
