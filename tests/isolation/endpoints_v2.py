"""The rows of `/api/v2/`."""

from __future__ import annotations

from typing import Any

from tests.isolation.endpoints import (
    ANY_OUTCOME,
    APP,
    DEFINITION,
    FORMER,
    IMAGES,
    LEGACY,
    NEW_CREDENTIAL,
    NEW_TEMPLATE,
    PAGES,
    UNKNOWN,
    Rows,
    reading,
)
from tests.isolation.rows import OPEN, OWN, PUBLIC, Ref, Row, Text

BASE = "api/v2"
LATER = "2030-01-01T00:00:00Z"


def changing(address: str, whole: Row, part: Row | None = None, remove: Row | None = None) -> Rows:
    """PUT and PATCH of a record, and DELETE."""
    methods = {"PUT": whole, "PATCH": part or whole}
    return {address: methods | ({"DELETE": remove} if remove else {})}


def joined(*tables: Rows) -> Rows:
    """Rows of several tables, with the base of this surface before their addresses."""
    found: Rows = {}
    for table in tables:
        for address, methods in table.items():
            known = found.setdefault(f"{BASE}/{address}".rstrip("/"), {})
            assert not known.keys() & methods.keys(), f"{address} has two rows for one method"
            known.update(methods)
    return found


def _posts(base: str, **rows: Row) -> Rows:
    return {f"{base}/{name}": {"POST": row} for name, row in rows.items()}


def _gets(base: str, rule: str, *names: str, **more: Any) -> Rows:
    return {f"{base}/{name}": {"GET": Row(rule, **more)} for name in names}


TEMPLATE, JOB, COMPANY, APPLICATION = "runtemplates/{id}", "jobs/{id}", "companies/{id}", "apps/{id}"
ERASURE = "erasure-requests/{id}"
NEW_SOURCE = {"name": "new", "db_host": "127.0.0.1", "db_port": "1"}
NEW_CHAIN = {"runtemplate_id": Ref("runtemplate"), "runtemplate_source_id": Ref("idle_runtemplate")}
NEW_ROLE = {"name": "new", "permissions": ["jobs.read"]}
MEMBER = {"user_id": "common_person"}

V2 = joined(
    {
        ".*": dict.fromkeys(("GET", "POST", "PUT", "PATCH", "DELETE"), UNKNOWN),
        "schema": {"GET": Row(PUBLIC)},
        "docs": {"GET": Row(PUBLIC)},
        "redoc": {"GET": Row(PUBLIC)},
        "me": {"GET": Row(OWN)},
        "status": {"GET": Row(PUBLIC)},
        "health/live": {"GET": Row(PUBLIC)},
        "health/ready": {"GET": Row(PUBLIC)},
        "metrics": {"GET": Row("system.config", done=(200,))},
        "permissions": {"GET": Row(OWN)},
        "failure-patterns": {"GET": Row("jobs.read")},
    },
    # Companies
    reading(COMPANY, "jobs.read"),
    {"companies": {"POST": Row("companies.create", {"name": "New"})}},
    changing(
        COMPANY,
        Row("companies.update", {"name": "New"}),
        Row("companies.update", {"phone": "1"}),
        Row("companies.delete", done=(409,)),
    ),
    _gets(COMPANY, "jobs.read", "stats", "environment", "members", "apps"),
    _gets("companies/{company_id}", "jobs.read", "runtemplates", "jobs"),
    _gets("companies/{company_id}", "credentials.read", "credentials"),
    {
        f"{COMPANY}/environment": {"PATCH": Row("companies.update", {"PLACE": "x"})},
        f"{COMPANY}/environment/{{key}}": {
            "PUT": Row("companies.update", {"value": "x"}, parts={"key": Text("PLACE")}),
            "DELETE": Row("companies.update", parts={"key": Text("PLACE")}),
        },
        f"{COMPANY}/members": {"POST": Row("companies.members", {"user": "somebody", "role": "viewer"})},
        f"{COMPANY}/members/{{user_id}}": {
            "PUT": Row("companies.members", {"role": "viewer"}, parts=MEMBER),
            "DELETE": Row("companies.members", parts={"user_id": "member"}),
        },
        f"{COMPANY}/apps/{{app_id}}": {
            "PUT": Row("runtemplates.create"),
            "DELETE": Row("runtemplates.delete", done=(204, 409)),
        },
    },
    # Applications
    reading(APPLICATION, "applications.read"),
    {
        "apps": {"POST": Row("applications.create", APP)},
        "apps/import": {"POST": Row("applications.create", DEFINITION, done=(*ANY_OUTCOME, 201))},
        "apps/validate": {"POST": Row(OWN, DEFINITION)},
    },
    changing(
        APPLICATION,
        Row("applications.update", APP),
        Row("applications.update", {"homepage": "https://example.org"}),
        Row("applications.delete", parts={"id": "spare_app"}),
    ),
    _gets(
        APPLICATION,
        "applications.read",
        "export",
        "logo",
        "environment",
        "exit-codes",
        "produces",
        "consumes",
        "artifacts",
    ),
    # Run templates
    reading(TEMPLATE, "jobs.read"),
    {"runtemplates": {"POST": Row("runtemplates.create", NEW_TEMPLATE)}},
    changing(
        TEMPLATE,
        Row("runtemplates.update", NEW_TEMPLATE),
        Row("runtemplates.update", {"note": "x"}),
        Row("runtemplates.delete", parts={"id": "idle_runtemplate"}),
    ),
    _posts(
        TEMPLATE,
        activate=Row("runtemplates.activate", parts={"id": "idle_runtemplate"}),
        deactivate=Row("runtemplates.activate"),
        clone=Row("runtemplates.create", {"name": "copy"}),
        schedule=Row("jobs.create", {}, unseen=("runtemplate",)),
        preview=Row("jobs.read", {}),
    ),
    _gets(TEMPLATE, "jobs.read", "environment", "explain", "config"),
    _gets(TEMPLATE, "credentials.read", "credentials", also=("jobs.read",)),
    {
        "runtemplates/bulk": {
            "POST": Row(
                "runtemplates.update",
                {"action": "reconfigure", "ids": [Ref("runtemplate")], "config": {"ACCOUNT": "2"}},
                refused=200,
                foreign=200,
            )
        },
        f"{TEMPLATE}/config": {"PATCH": Row("runtemplates.update", {"ACCOUNT": "2"})},
        f"{TEMPLATE}/credentials/{{credential_id}}": {
            "PUT": Row("credentials.assign", {}, parts={"credential_id": "spare_credential"}),
            "DELETE": Row("credentials.assign"),
        },
    },
    # Jobs
    reading(JOB, "jobs.read"),
    {
        "jobs": {
            "POST": Row("jobs.create", {"runtemplate_id": Ref("runtemplate")}, unseen=("runtemplate",)),
            "DELETE": Row("jobs.delete", query={"runtemplate": Ref("runtemplate"), "dry_run": "true"}, foreign=OPEN),
        },
        JOB: {"DELETE": Row("jobs.delete", parts={"id": "old_job"})},
    },
    _posts(
        JOB,
        cancel=Row("jobs.cancel", {}, parts={"id": "pending_job"}),
        stop=Row("jobs.stop", {}, parts={"id": "running_job"}),
        retry=Row("jobs.retry", {}),
    ),
    _gets(JOB, "jobs.read", "explain"),
    _gets("jobs/{job_id}", "jobs.read", "output", "output.txt", "output/stream", "environment", "script", "artifacts"),
    {
        "jobs/{job_id}/artifacts.zip": {"GET": Row("artifacts.read")},
        "jobs/{job_id}/output/stream/ticket": {"POST": Row(OWN)},
        "events/stream": {"GET": Row("jobs.read", endless=True)},
        "events/stream/ticket": {"POST": Row(OWN)},
    },
    # Artifacts, queue, tasks
    reading("artifacts/{id}", "jobs.read"),
    {
        "artifacts/{id}": {"DELETE": Row("jobs.delete")},
        "artifacts/{id}/content": {"GET": Row("artifacts.read")},
    },
    reading("schedule/{id}", "jobs.read"),
    {"schedule/{id}": {"PATCH": Row("jobs.cancel", {"after": LATER}), "DELETE": Row("jobs.cancel")}},
    reading("tasks/{id}", "jobs.read"),
    {"tasks/report": {"GET": Row("jobs.read")}},
    # Credentials
    reading("credentials/{id}", "credentials.read"),
    {"credentials": {"POST": Row("credentials.write", NEW_CREDENTIAL)}},
    changing(
        "credentials/{id}",
        Row("credentials.write", NEW_CREDENTIAL),
        Row("credentials.write", {"note": "x"}),
        Row("credentials.write", parts={"id": "spare_credential"}),
    ),
    {"credentials/{id}/check": {"POST": Row("credentials.check", done=ANY_OUTCOME)}},
    reading("credential-types/{id}", "credentials.read"),
    {
        "credential-types": {
            "POST": Row(
                "credentials.write",
                {"name": "new", "company_id": Ref("company"), "credential_prototype_id": Ref("prototype")},
            )
        },
        "credential-types/{id}/copy": {
            "POST": Row("credentials.write", {"company_id": Ref("company"), "name": "copy"})
        },
    },
    changing(
        "credential-types/{id}",
        Row(
            "credentials.write",
            {"name": "other", "company_id": Ref("company"), "credential_prototype_id": Ref("prototype")},
        ),
        Row("credentials.write", {"name": "other"}),
        Row("credentials.write", parts={"id": "spare_credential_type"}),
    ),
    reading("credential-prototypes/{id}", "applications.read"),
    {
        "credential-prototypes": {"POST": Row("applications.create", {"code": "New", "name": "New", "version": "1.0"})},
        "credential-prototypes/import": {"POST": Row("applications.create", {"x": 1}, done=ANY_OUTCOME)},
        "credential-prototypes/{id}/export": {"GET": Row("applications.read")},
    },
    changing(
        "credential-prototypes/{id}",
        Row("applications.create", {"code": "Bank", "name": "Other", "version": "1.0"}),
        Row("applications.create", {"name": "Other"}),
        Row("applications.delete", parts={"id": "spare_prototype"}),
    ),
    # Limits, executors, workers
    reading("limits/{id}", "jobs.read"),
    {"limits": {"POST": Row("companies.update", {"name": "new", "maximum": 2, "company_id": Ref("company")})}},
    changing(
        "limits/{id}",
        Row("companies.update", {"name": "other", "maximum": 2, "company_id": Ref("company")}),
        Row("companies.update", {"maximum": 5}),
        Row("companies.update"),
    ),
    {
        "executors": {"GET": Row("applications.read")},
        "executors/{name}/check": {"GET": Row("system.config", parts={"name": Text("Native")})},
    },
    {"workers": {"GET": Row("system.config", refused=200)}},
    # Those who do not see workers are told that there is none.
    {"workers/{id}": {"GET": Row("system.config", refused=404)}},
    _posts("workers/{id}", drain=Row("system.config", refused=404), resume=Row("system.config", refused=404)),
    # Accounts
    {
        "tokens": {"GET": Row(OWN), "POST": Row(OWN, {"name": "new"}, person=True)},
        "tokens/{id}": {
            "GET": Row("users.update", refused=404),
            "DELETE": Row("users.update", refused=404),
        },
    },
    {
        "security/allowlist": {
            "GET": Row("security.whitelist"),
            "POST": Row("security.whitelist", {"network": "127.0.0.1"}),
        },
        "security/allowlist/{id}": {
            "GET": Row("security.whitelist"),
            "PATCH": Row("security.whitelist", {"note": "x"}),
            "DELETE": Row("security.whitelist"),
        },
    },
    reading("users/{id}", "users.read"),
    {
        "users": {"POST": Row("users.create", {"login": "newcomer", "email": "newcomer@example.org"})},
        "users/{id}/roles": {"GET": Row("roles.read"), "POST": Row("roles.assign", {"roles": ["viewer"]})},
    },
    changing(
        "users/{id}",
        Row("users.update", {"login": "somebody", "email": "other@example.org"}),
        Row("users.update", {"firstname": "X"}),
        Row("users.delete", parts={"id": "leaver"}),
    ),
    reading("roles/{id}", "roles.read"),
    {"roles": {"POST": Row("roles.create", NEW_ROLE)}},
    changing(
        "roles/{id}",
        # It is built in.
        Row("roles.update", NEW_ROLE, done=(409,)),
        Row("roles.update", {"description": "x"}),
        Row("roles.delete", done=(409,)),
    ),
    # Topics, tags, logs
    reading("topics/{id}", "applications.read"),
    {"topics": {"POST": Row("applications.update", {"name": "new", "color": "#112233"})}},
    changing(
        "topics/{id}",
        Row("applications.update", {"name": "other", "color": "#112233"}),
        Row("applications.update", {"color": "#112233"}),
        Row("applications.update"),
    ),
    {
        "tags": {"GET": Row("applications.read")},
        "tags/{name}": {
            "PUT": Row("applications.update", {"name": "banks"}, parts={"name": Text("bank")}),
            "DELETE": Row("applications.update", parts={"name": Text("bank")}),
        },
    },
    # Events
    reading("event-sources/{id}", "system.config"),
    {
        "event-sources": {"POST": Row("system.config", NEW_SOURCE)},
        "event-sources/{id}/test": {"POST": Row("system.config")},
        "event-sources/{id}/rewind": {"POST": Row("system.config", {"last_processed_id": 0})},
    },
    changing(
        "event-sources/{id}",
        Row("system.config", NEW_SOURCE),
        Row("system.config", {"poll_interval": 90}),
        Row("system.config"),
    ),
    reading("event-rules/{id}", "jobs.read"),
    {
        "event-rules": {"POST": Row("runtemplates.update", NEW_CHAIN)},
        "event-rules/{id}/preview": {"POST": Row("jobs.read", {"data": {"evidence": "order"}})},
    },
    changing(
        "event-rules/{id}",
        Row("runtemplates.update", NEW_CHAIN),
        Row("runtemplates.update", {"evidence": "order"}),
        Row("runtemplates.update"),
    ),
    reading("audit-log/{id}", "audit.read", everything="security.audit"),
    # Privacy: exports are of the caller's own data, the one in these rows is of somebody else.
    {
        "data-exports": {"GET": Row(OWN, person=True), "POST": Row(OWN, {"format": "json"}, person=True)},
        "data-exports/{id}": {"GET": Row(OWN, done=(404,), person=True)},
        "data-exports/{id}/content": {"GET": Row(OWN, query={"token": "0" * 64}, done=(404,), person=True)},
        "erasure-requests": {
            "GET": Row(OWN),
            "POST": Row("privacy.manage", {"user_id": Ref("leaver"), "deletion_type": "soft"}),
        },
        ERASURE: {"GET": Row("privacy.manage", refused=404)},
        f"{ERASURE}/plan": {"GET": Row("privacy.manage", parts={"id": "approved_erasure"}, refused=404)},
        # Others than its owner reject a request.
        f"{ERASURE}/withdraw": {"POST": Row(OWN, {}, done=(403, 404))},
    },
    _posts(
        ERASURE,
        approve=Row("privacy.manage", {}, refused=404),
        reject=Row("privacy.manage", {}, refused=404),
        process=Row("privacy.manage", {}, parts={"id": "approved_erasure"}, refused=404),
    ),
    {
        "audit-log/verify": {
            "GET": Row("audit.export", everything="audit.export"),
            "POST": Row("audit.export", {"seals": []}, everything="audit.export"),
        },
        "audit-log/export": {"GET": Row("audit.export", everything="audit.export")},
    },
    reading("logs/{id}", "jobs.read", everything="system.logs"),
)

ENDPOINTS: Rows = {**PAGES, **IMAGES, **FORMER, **LEGACY, **V2, f"{BASE}/": {"GET": Row(PUBLIC)}}
