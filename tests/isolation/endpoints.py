"""The table of endpoints: what each method of each address takes, by the rules of the permission matrix.

The tests fail for an address without a row; `tests/isolation/rows.py` says what a row consists of.
"""

from __future__ import annotations

from typing import Any

from tests.isolation.rows import OPEN, OWN, PAGE, PUBLIC, Ref, Row, Text

Rows = dict[str, dict[str, Row]]
UNKNOWN = Row(PUBLIC, done=(404,))
# Whether it works is not decided by who asks.
ANY_OUTCOME = (200, 202, 400, 409, 422, 503)
APP = {"name": "new", "code": "new", "executable": "/bin/true"}
DEFINITION: dict[str, Any] = {
    "name": "New",
    "uuid": "0f1de3a4-2f3a-4a0d-9b3e-3d1a7a0f2f11",
    "executable": "/bin/true",
    "description": "x",
    "environment": {},
}


def reading(address: str, rule: str, **more: Any) -> Rows:
    """The list of a collection and each of its records."""
    collection = address.rpartition("/{")[0]
    return {collection: {"GET": Row(rule, **more)}, address: {"GET": Row(rule, **more)}}


def _merged(*tables: Rows) -> Rows:
    found: Rows = {}
    for table in tables:
        for address, methods in table.items():
            known = found.setdefault(address, {})
            assert not known.keys() & methods.keys(), f"{address} has two rows for one method"
            known.update(methods)
    return found


def _older_noun(
    one: str, many: str, key: str, read: str, create: tuple[Row, ...], change: Row | None, remove: Row | None
) -> Rows:
    """What the older surface offers for a kind of record."""
    single = f"legacy/{one}/{{{key}}}.json"
    found: Rows = {f"legacy/{many}.json": {"GET": Row(read)}, single: {"GET": Row(read)}}
    if create:
        found[f"legacy/{many}.json"]["POST"] = create[0]
        found[f"legacy/{one}"] = {"GET": Row(read), "POST": create[-1]}
    if change:
        found[single] |= dict.fromkeys(("POST", "PUT", "PATCH"), change)
    if remove:
        found[single]["DELETE"] = remove
    return found


NEW_TEMPLATE = {"name": "new", "app_id": Ref("app"), "company_id": Ref("company")}
NEW_CREDENTIAL = {"name": "new", "company_id": Ref("company"), "credential_type_id": Ref("credential_type")}
NEW_RULE = {"runtemplate_id": Ref("runtemplate"), "source_runtemplate_id": Ref("idle_runtemplate")}

EXPORTING = {
    "GET": Row(OWN, query={"action": "export", "format": "json"}, person=True),
    "POST": Row(OWN, {"action": "export", "format": "xml"}, person=True),
}
# A link that nobody was given.
DOWNLOADING = {"GET": Row(OWN, query={"token": "0" * 64}, done=(403,), person=True)}

LEGACY = _merged(
    {
        "legacy": {"GET": Row(PUBLIC)},
        "legacy-without-slash": dict.fromkeys(("GET", "POST"), Row(PUBLIC)),
        "legacy/{path}": dict.fromkeys(("GET", "POST"), Row(PUBLIC, parts={"path": Text("nothing")}, done=(404,))),
        "legacy/index.json": {"GET": Row(PUBLIC)},
        "legacy/ping.json": {"GET": Row(PUBLIC)},
        "legacy/status.json": {"GET": Row(PUBLIC)},
        "legacy/openapi.json": {"GET": Row(PUBLIC)},
        "legacy/login.json": {
            "GET": Row(PUBLIC, done=(200, 400, 401, 403)),
            "POST": Row(PUBLIC, {"login": "nobody", "password": "wrong"}, done=(401,)),
        },
        "legacy/logout": {"POST": Row(PUBLIC, {}, done=(200, 400))},
        "legacy/logout.json": {"POST": Row(PUBLIC, {}, done=(200, 400))},
    },
    _older_noun(
        "app", "apps", "appId", "applications.read",
        (Row("applications.create", APP),),
        Row("applications.update", {"homepage": "https://example.org"}),
        Row("applications.delete", parts={"appId": "spare_app"}),
    ),
    _older_noun(
        "user", "users", "userId", "users.read",
        (Row("users.create", {"login": "newcomer", "email": "newcomer@example.org"}),),
        Row("users.update", {"firstname": "X"}),
        Row("users.delete", parts={"userId": "leaver"}),
    ),
    {
        "legacy/user/{userId}/roles.json": {"GET": Row("roles.read")},
        "legacy/user/{userId}/roles": {"POST": Row("roles.assign", {"roles": ["viewer"]})},
    },
    _older_noun(
        "company", "companies", "companyId", "jobs.read",
        (Row("companies.create", {"name": "New", "code": "new"}),),
        Row("companies.update", {"email": "new@example.org"}),
        Row("companies.delete", done=(409,)),
    ),
    {
        "legacy/company/{companyId}/users.json": {"GET": Row("jobs.read")},
        "legacy/company/{companyId}/user": {
            "POST": Row("companies.members", {"user_id": Ref("common_person"), "role": "viewer"})
        },
        "legacy/company/{companyId}/user/{userId}": {
            "DELETE": Row("companies.members", parts={"userId": "common_person"})
        },
    },
    _older_noun(
        "credential", "credentials", "credentialId", "credentials.read",
        (Row("credentials.write", NEW_CREDENTIAL),),
        Row("credentials.write", {"note": "x"}),
        Row("credentials.write", parts={"credentialId": "spare_credential"}),
    ),
    _older_noun(
        "credential_type", "credential_types", "credentialTypeID", "credentials.read",
        (Row("credentials.write", {"prototype": "Bank", "company_id": Ref("company"), "name": "new"}),),
        Row("credentials.write", {"name": "other"}),
        Row("credentials.write", parts={"credentialTypeID": "spare_credential_type"}),
    ),
    _older_noun(
        "credential_prototype", "credential_prototypes", "credentialPrototypeId", "applications.read", (), None, None
    ),
    _older_noun(
        "runtemplate", "runtemplates", "runTemplateId", "jobs.read",
        (Row("runtemplates.create", NEW_TEMPLATE),),
        Row("runtemplates.update", {"id": Ref("runtemplate"), "note": "x"}),
        Row("runtemplates.delete", parts={"runTemplateId": "idle_runtemplate"}),
    ),
    {
        "legacy/runtemplates/bulk-reconfigure": {
            "POST": Row(
                "runtemplates.update",
                {"runtemplate_ids": [Ref("runtemplate")], "config_key": "ACCOUNT", "config_value": "2"},
                refused=400,
                foreign=400,
            )
        },
        "legacy/runtemplates/bulk-execute": {
            "POST": Row(
                "jobs.execute", {"runtemplate_ids": [Ref("runtemplate")], "when": "now"}, refused=400, foreign=400
            )
        },
    },
    _older_noun(
        "job", "jobs", "jobId", "jobs.read",
        (Row("jobs.create", {"runtemplate_id": Ref("runtemplate")}, unseen=("runtemplate",)),),
        None,
        Row("jobs.delete", parts={"jobId": "old_job"}),
    ),
    {
        "legacy/jobs.json": {
            "DELETE": Row("jobs.delete", query={"runtemplate_id": Ref("runtemplate"), "dry_run": "1"}, foreign=OPEN)
        },
        "legacy/jobs/status.json": {"GET": Row("jobs.read")},
        "legacy/job/{jobId}/artifacts.json": {"GET": Row("jobs.read")},
        "legacy/job/{jobId}/cancel": {"POST": Row("jobs.cancel", {}, parts={"jobId": "pending_job"})},
        "legacy/job/{jobId}/stop": {"POST": Row("jobs.stop", {}, parts={"jobId": "running_job"})},
        "legacy/job/{jobId}/retry": {"POST": Row("jobs.retry", {})},
    },
    _older_noun("artifact", "artifacts", "artifactId", "jobs.read", (), None, None),
    {"legacy/artifact/{artifactId}": {"GET": Row("artifacts.read")}},
    {
        "legacy/schedule.json": {"GET": Row("jobs.read")},
        "legacy/schedule/{scheduleId}.json": {"GET": Row("jobs.read"), "DELETE": Row("jobs.cancel")},
    },
    _older_noun("task", "tasks", "taskId", "jobs.read", (), None, None),
    _older_noun(
        "topic", "topics", "topicId", "applications.read",
        (Row("applications.update", {"name": "new", "color": "#112233"}),),
        Row("applications.update", {"color": "#112233"}),
        Row("applications.update"),
    ),
    _older_noun(
        "eventsource", "eventsources", "eventSourceId", "system.config",
        (Row("system.config", {"name": "new", "db_host": "127.0.0.1"}),),
        Row("system.config", {"poll_interval": 90}),
        Row("system.config"),
    ),
    {"legacy/eventsource/{eventSourceId}/test.json": {"POST": Row("system.config")}},
    _older_noun(
        "eventrule", "eventrules", "eventRuleId", "jobs.read",
        (Row("runtemplates.update", NEW_RULE),),
        Row("runtemplates.update", {"evidence": "order"}),
        Row("runtemplates.update"),
    ),
    {
        "legacy/auditlog.json": {"GET": Row("audit.read", everything="security.audit")},
        "legacy/auditlog/{auditLogId}.json": {"GET": Row("audit.read", everything="security.audit")},
    },
    {
        "legacy/data-export": EXPORTING,
        "legacy/data-export-download": DOWNLOADING,
    },
)  # fmt: skip

IMAGES: Rows = {
    "appimage.php": {"GET": Row(PUBLIC, query={"uuid": Ref("app_uuid")})},
    "companylogo.php": {"GET": Row(PUBLIC, query={"id": Ref("company")})},
    "credentialimage.php": {"GET": Row(PUBLIC, query={"id": Ref("credential")})},
    "credentialtypeimage.php": {"GET": Row(PUBLIC, query={"id": Ref("credential_type")})},
    "credentialprototypeimage.php": {"GET": Row(PUBLIC, query={"id": Ref("prototype")})},
}

FORMER: Rows = {"api/data-export.php": EXPORTING, "data-export.php": DOWNLOADING}

# A form that is refused for what was not filled in is shown again.
FORM = {"GET": Row(PAGE), "POST": Row(PAGE, {}, done=(200, 302, 422))}
# Pressed on another page; without a sign-in even the wrong method leads to that.
BUTTON = {"GET": Row(PAGE, done=(405,)), "POST": Row(PAGE, {})}
# For those whose password was right and who are not signed in yet; it leads all others to the beginning.
STEP = dict.fromkeys(("GET", "POST"), Row(PAGE, done=(302,), leaves=True))
CLIENT_ID = {"client_id": Text("none")}
ENTRANCE = (200, 302, 400, 403, 422)
PAGES: Rows = {
    **{name: {"GET": Row(PUBLIC)} for name in ("healthz", "healthz/", "readyz", "readyz/")},
    "": {"GET": Row(PAGE), "POST": Row(PAGE, {})},
    "language/": {"GET": Row(PUBLIC), "POST": Row(PUBLIC, {"language": "cs"})},
    "login/": {"GET": Row(PUBLIC), "POST": Row(PUBLIC, {}, done=ENTRANCE)},
    "setup/": dict.fromkeys(("GET", "POST"), UNKNOWN),
    "login/2fa/": STEP,
    "login/passkey/": {"GET": Row(PUBLIC), "POST": Row(PUBLIC, {}, done=ENTRANCE)},
    "login/set-up/": STEP,
    "logout/": {"POST": Row(PAGE, {}, leaves=True)},
    "password/change/": FORM,
    "password/reset/": {"GET": Row(PUBLIC), "POST": Row(PUBLIC, {}, done=ENTRANCE)},
    **dict.fromkeys(
        ("password/reset/{uidb36}/{token}/", "password/reset/{uidb36}/{token}"),
        dict.fromkeys(
            ("GET", "POST"),
            Row(PUBLIC, parts={"uidb36": Text("1"), "token": Text("none")}, done=(200, 302, 400, 404, 410)),
        ),
    ),
    # Without a client that asks there is nothing to consent to.
    "oauth/authorize/": {"GET": Row(PAGE, done=(400,)), "POST": Row(PAGE, {}, done=(200, 400))}
    | {"PUT": Row(PAGE, {}, done=(200, 400))},
    **{
        f"oauth/{name}{slash}": {"POST": Row(PUBLIC, {}, done=(400, 401))}
        for name in ("token", "revoke")
        for slash in ("", "/")
    },
    **{f"oauth/introspect{slash}": {"POST": Row(PUBLIC, {}, done=(401,))} for slash in ("", "/")},
    ".well-known/oauth-authorization-server": {"GET": Row(PUBLIC)},
    ".well-known/oauth-authorization-server/{issuer_path}": {
        "GET": Row(PUBLIC, parts={"issuer_path": Text("multiflexi")}, done=(200, 404))
    },
    "oauth/applications/": {
        "GET": Row(PAGE, also=("system.config",)),
        "POST": Row(PAGE, {}, also=("system.config",), done=(200, 422)),
    },
    "oauth/applications/{client_id}/delete/": {
        "GET": Row(PAGE, parts=CLIENT_ID, done=(405,)),
        "POST": Row(PAGE, {}, parts=CLIENT_ID),
    },
    "me/": FORM,
    "me/confirm/": FORM,
    "me/security/": FORM,
    "me/security/second-factor/": FORM,
    "me/security/second-factor/off/": BUTTON,
    "me/security/second-factor/replace/": BUTTON,
    "me/security/applications/{client_id}/end/": {
        "GET": Row(PAGE, parts=CLIENT_ID, done=(405,)),
        "POST": Row(PAGE, {}, parts=CLIENT_ID),
    },
    "me/security/codes/": BUTTON,
    "me/security/sessions/end-others/": BUTTON,
    "me/security/sessions/{number}/end/": {
        "GET": Row(PAGE, parts={"number": Text("1")}, done=(405,)),
        "POST": Row(PAGE, {}, parts={"number": Text("1")}),
    },
    "me/security/passkeys/add/": FORM,
    "me/security/passkeys/{number}/": dict.fromkeys(
        ("GET", "POST"), Row(PAGE, parts={"number": Text("1")}, done=(404,))
    ),
    "me/security/passkeys/{number}/remove/": {
        "GET": Row(PAGE, parts={"number": Text("1")}, done=(405,)),
        "POST": Row(PAGE, {}, parts={"number": Text("1")}, done=(404,)),
    },
}
