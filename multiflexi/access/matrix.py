"""The permission matrix as data: what an action takes. Pages, command line and both APIs ask these rules only.

An action is allowed when permission of a system role, role in the company concerned and scope of the token all say
so; what is not listed is denied to everybody.
"""

from __future__ import annotations

from typing import NamedTuple

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from multiflexi.models import CompanyRole

VIEWER, MANAGER, ADMIN = CompanyRole.VIEWER, CompanyRole.MANAGER, CompanyRole.ADMIN


class Scope(models.TextChoices):
    """What a token may be bound to."""

    READ = "read", _("Read everything the account sees but artifacts and credentials")
    WRITE = "write", _("Change what is not listed elsewhere")
    RUN = "jobs:run", _("Run, retry and stop jobs")
    ARTIFACTS = "artifacts:read", _("Download artifacts")
    CREDENTIALS = "credentials:read", _("See credentials, never their secrets")
    CREDENTIALS_WRITE = "credentials:write", _("Create and change credentials")
    ADMIN = "admin", _("Administer companies, users and the installation")
    AUDIT = "audit", _("Read logs and the audit trail")


class Rule(NamedTuple):
    """What an action takes: permissions, the least role in the company concerned (None: a global object) and the
    scope of a token (None: no token may). `own` names the permission that does for one's own jobs only."""

    name: str
    label: Promise
    company: CompanyRole | None
    scope: Scope | None
    also: tuple[str, ...] = ()
    own: str | None = None
    permission: str = ""

    @property
    def permissions(self) -> frozenset[str]:
        """All of these the caller's system roles must grant together."""
        return frozenset({self.permission or self.name, *self.also})


RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule(
            "jobs.read",
            _("See companies, run templates, jobs, tasks and queue"),
            VIEWER,
            Scope.READ,
            ("companies.read",),
        ),
        Rule("artifacts.read", _("Download artifacts"), VIEWER, Scope.ARTIFACTS),
        Rule(
            "artifacts.reveal",
            _("Download a result file that contains a secret"),
            ADMIN,
            Scope.ARTIFACTS,
            ("artifacts.read",),
            permission="credentials.reveal",
        ),
        Rule("jobs.create", _("Run a run template unchanged"), MANAGER, Scope.RUN),
        Rule("jobs.execute", _("Run with other values, executor or credentials; run several"), MANAGER, Scope.RUN),
        Rule("jobs.retry", _("Retry a job"), MANAGER, Scope.RUN, own="jobs.retry_own"),
        Rule("jobs.cancel", _("Cancel, move or prioritise a planned run"), MANAGER, Scope.RUN, own="jobs.cancel_own"),
        Rule("jobs.stop", _("Stop or kill a running job"), MANAGER, Scope.RUN),
        Rule("jobs.update", _("Acknowledge a problem, note on a job"), MANAGER, Scope.WRITE),
        Rule("jobs.delete", _("Delete jobs, their output and artifacts"), ADMIN, Scope.ADMIN),
        Rule(
            "runtemplates.create",
            _("Create or clone a run template, switch an application on for the company"),
            MANAGER,
            Scope.WRITE,
        ),
        Rule("runtemplates.update", _("Change a run template, its values and event rules"), MANAGER, Scope.WRITE),
        Rule("runtemplates.activate", _("Activate, deactivate or pause a run template"), MANAGER, Scope.WRITE),
        Rule(
            "runtemplates.delete",
            _("Delete a run template, switch an application off for the company"),
            ADMIN,
            Scope.WRITE,
        ),
        Rule(
            "actions.custom_command",
            _("Custom-command action, change of executor to Native, command-line parameters"),
            ADMIN,
            Scope.ADMIN,
        ),
        Rule("actions.retry", _("Retry a post-job action"), MANAGER, Scope.RUN),
        Rule("credentials.read", _("See credentials and their availability"), VIEWER, Scope.CREDENTIALS),
        Rule("credentials.assign", _("Assign or unassign a credential"), MANAGER, Scope.WRITE),
        Rule("credentials.check", _("Check a credential now"), MANAGER, Scope.WRITE),
        Rule(
            "credentials.write",
            _("Create, change or delete credentials and credential types"),
            ADMIN,
            Scope.CREDENTIALS_WRITE,
        ),
        Rule("credentials.override", _("Override for one run what a credential provides"), ADMIN, Scope.RUN),
        Rule("credentials.reveal", _("Reveal a stored secret on the command line"), ADMIN, None),
        Rule("companies.members", _("Change members of a company and their roles"), ADMIN, Scope.WRITE),
        Rule("companies.update", _("Change settings, limits and environment of a company"), ADMIN, Scope.WRITE),
        Rule("companies.create", _("Create a company"), None, Scope.ADMIN),
        Rule("companies.delete", _("Delete or archive a company"), ADMIN, Scope.ADMIN),
        Rule("applications.read", _("Read applications, prototypes, topics and executors"), None, Scope.READ),
        Rule("applications.create", _("Create or import applications and credential prototypes"), None, Scope.ADMIN),
        Rule("applications.update", _("Change an application, topics and tags"), None, Scope.WRITE),
        Rule("applications.delete", _("Remove applications and prototypes"), None, Scope.ADMIN),
        Rule("system.config", _("Configure the installation and see its status in detail"), None, Scope.ADMIN),
        Rule("users.read", _("See accounts"), None, Scope.ADMIN),
        Rule("users.create", _("Create accounts"), None, Scope.ADMIN),
        Rule("users.update", _("Change or disable accounts"), None, Scope.ADMIN),
        Rule("users.delete", _("Delete accounts"), None, Scope.ADMIN),
        Rule("users.impersonate", _("Act as somebody else"), None, None),
        Rule("roles.read", _("See system roles"), None, Scope.ADMIN),
        Rule("roles.assign", _("Assign system roles"), None, Scope.ADMIN),
        Rule("roles.create", _("Create system roles"), None, Scope.ADMIN),
        Rule("roles.update", _("Change system roles"), None, Scope.ADMIN),
        Rule("roles.delete", _("Delete system roles"), None, Scope.ADMIN),
        Rule("system.logs", _("Read the whole system log"), None, Scope.AUDIT),
        Rule(
            "audit.read",
            _("See one's own actions and those in companies one administers"),
            None,
            Scope.AUDIT,
            permission="profile.read",
        ),
        Rule("security.audit", _("Read the whole audit trail"), None, Scope.AUDIT),
        Rule("audit.export", _("Export and verify the audit trail"), None, Scope.AUDIT),
        Rule("security.config", _("Security settings"), None, Scope.ADMIN),
        Rule("privacy.manage", _("Privacy requests, retention, legal holds"), None, Scope.ADMIN, ("security.config",)),
        Rule("security.whitelist", _("Change the list of allowed addresses"), None, Scope.ADMIN),
        Rule("system.admin", _("Rotate keys"), None, Scope.ADMIN),
        Rule("system.backup", _("Back up the installation"), None, Scope.ADMIN),
    )
}
