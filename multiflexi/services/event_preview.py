"""What an event rule would do with an event, without doing it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from multiflexi.jobs import event_values
from multiflexi.jobs.event_values import Chosen
from multiflexi.models import EventRule
from multiflexi.services import run_template_config, shadowing
from multiflexi.services.errors import Invalid
from multiflexi.services.run_template_run import obstacles
from multiflexi.vault.secrecy import MASK


def preview(rule: EventRule, data: Mapping[str, Any]) -> dict[str, Any]:
    """Whether the rule fires on these data, why not, and the variables that its job would get, secrets masked.

    `data` is the record of an external event, or what a job produced; the target must be loaded with application and
    company.
    """
    found = event_values.chosen(rule, data)
    reasons = [] if rule.enabled else [_("The rule is disabled.")]
    text = _("%(selector)s of the event is not what the rule asks for.")
    reasons += [text % {"selector": one} for one in event_values.differing(rule, data)]
    secret = set(run_template_config.secrets_among(rule.runtemplate, [one.name for one in found]))
    return {
        "fires": not reasons,
        "reasons": reasons,
        "variables": [_shown(one, secret=one.name in secret) for one in found],
        "problems": [*obstacles(rule.runtemplate), *_unusable(rule, found)],
    }


def _shown(one: Chosen, *, secret: bool) -> dict[str, Any]:
    return {
        "name": one.name,
        "selector": one.selector,
        "value": MASK if secret and one.value else one.value,
        "is_file": one.is_file,
        "secret": secret,
    }


def _unusable(rule: EventRule, found: list[Chosen]) -> list[str]:
    """What would keep a variable from its job, or out of its value."""
    offered = shadowing.offered(rule.runtemplate)
    problems = []
    for one in found:
        if one.value is None:
            problems.append(_("%(name)s: the event has nothing at %(selector)s.") % one._asdict())
        elif one.name in offered:
            problems.append(_("%(name)s is provided by a credential of the run template.") % one._asdict())
        elif not one.is_file:
            try:
                run_template_config.checked(rule.runtemplate, {one.name: one.value})
            except Invalid as error:
                problems.append(error.message)
    return problems
