"""A prepared call for every operation of the older surface, in an order that keeps what later ones need."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.acceptance.generated.driver import Call, Ids
from tests.contract.legacy.world import BINARY


def _id(told: Any) -> Any:
    return told.id


def _newest(told: Any) -> Any:
    return told[0].id


def _changes(noun: str, key: str, body: dict[str, Any], *names: str, free: bool = True) -> list[Call]:
    """The operations that change a record: by its collection, and the three by its own address."""
    by_collection, *others = names
    return [
        Call(by_collection, lambda ids: {key: ids[noun], "body": body}, free),
        *(Call(name, lambda ids: {"body": body}, free) for name in others),
    ]


ENTRANCE = [
    Call("getRoot"),
    Call("getApiIndex", read=lambda told, ids: {"path": "apps"} in told["index"]),
    Call("getPing", read=lambda told, ids: told == {"ping": [{"ping": "pong"}]}),
    Call("getApiStatus", read=lambda told, ids: told.companies >= 2),
    Call("getOpenApi", read=lambda told, ids: told["info"]["version"] == "1.4.0"),
    Call(
        "login",
        lambda ids: {"body": {"username": ids["login"], "password": ids["password"]}},
        keep={"token": lambda told: told.token},
    ),
    Call("logout", lambda ids: {"body": {"token": ids["token"]}}, drop="token"),
    Call("loginByHeader", keep={"token": lambda told: told.token}),
    Call("logoutInFormat", lambda ids: {"body": {"token": ids["token"]}}, drop="token"),
]
APPS = [
    Call("listApps", lambda ids: {"limit": 5, "offset": 0, "order": "-id", "enabled": True},
         read=lambda told, ids: told[str(ids["app"])].id == ids["app"]),
    Call("plainApp", read=lambda told, ids: ids["app"] in [one.id for one in told]),
    Call("getAppById", read=lambda told, ids: told.environment["ACCOUNT"] and told.exit_codes["2"].retry),
    Call("createApp", lambda ids: {"body": {"name": f"App {ids.word}", "executable": "/bin/true"}}, False,
         keep={"app": _id}),
    *_changes("app", "app_id", {"homepage": "https://example.org"}, "setAppById", "updateApp", "putApp", "patchApp"),
    Call("deleteApp", free=False, drop="app"),
]  # fmt: skip
USERS = [
    Call("createUser", lambda ids: {"body": {
        "login": f"login-{ids.word}", "email": f"{ids.word}@example.org",
        "password": "correct horse battery"
    }}, False, keep={"user": _id}),
    Call("listUsers", lambda ids: {"search": "login-"}, False, read=lambda told, ids: ids["user"] == told[-1].id),
    Call("plainUser", free=False),
    Call("getUserById", free=False, read=lambda told, ids: told.login == f"login-{ids.word}"),
    *_changes("user", "user_id", {"firstname": "Zoë"}, "setUserById", "updateUser", "putUser", "patchUser", free=False),
    Call("setUserRoles", lambda ids: {"replace": True, "body": {"roles": ["viewer"]}}, False,
         read=lambda told, ids: told.role_details[0].name == "viewer"),
    Call("getUserRoles", free=False, read=lambda told, ids: told[0].name == "viewer"),
    Call("deleteUser", free=False, drop="user"),
]  # fmt: skip
COMPANIES = [
    Call("createCompany", lambda ids: {"body": {"name": f"Company {ids.word}", "code": ids.word}}, False,
         keep={"company": _id}),
    Call("listCompanies", lambda ids: {"order": "-id"},
         read=lambda told, ids: [one.id for one in told] == sorted({ids["company"], *(one.id for one in told)})[::-1]),
    Call("plainCompany"),
    Call("getCompanyById"),
    *_changes("company", "company_id", {"email": "new@example.org"}, "setCompanyById", "updateCompany", "putCompany",
              "patchCompany"),
    Call("assignUserToCompany", lambda ids: {"body": {"user_id": ids["stranger"], "role": "viewer"}}),
    Call("listCompanyUsers", read=lambda told, ids: "carol" in [one.user.login for one in told]),
    Call("unassignUserFromCompany", lambda ids: {"user_id": ids["stranger"]}, read=lambda told, ids: told.deleted == 1),
    Call("deleteCompany", free=False, drop="company"),
]  # fmt: skip
CREDENTIALS = [
    Call("listCredentialPrototypes"),
    Call("getCredentialPrototypeById", read=lambda told, ids: told.code == "Bank"),
    Call("createCredentialType", lambda ids: {"body": {
        "prototype": "Bank", "company_id": ids["company"], "name": f"Type {ids.word}"
    }}, keep={"credentialtype": _id}),
    Call("getAllCredentialTypes", lambda ids: {"order": "-id"}, read=lambda told, ids: told[0].prototype == "Bank"),
    Call("plainCredentialType"),
    Call("getCredentialType"),
    *_changes("credentialtype", "credential_type_id", {"url": "https://example.org"}, "setCredentialType",
              "updateCredentialType", "putCredentialType", "patchCredentialType"),
    Call("createCredential", lambda ids: {"body": {
        "company_id": ids["company"], "credential_type_id": ids["credentialtype"], "name": f"Account {ids.word}",
        "fields": {"ACCOUNT": "1", "BANK_TOKEN": "secret-of-the-client"},
    }}, keep={"credential": _id}, read=lambda told, ids: told.fields["BANK_TOKEN"] == "••••••••"),
    Call("getAllUserCredentials", lambda ids: {"company_id": ids["company"]}),
    Call("plainCredential"),
    Call("getCredential", lambda ids: {"token": ""}, read=lambda told, ids: told.fields["ACCOUNT"] == "1"),
    *_changes("credential", "credential_id", {"note": "x"}, "setCredential", "updateCredentials", "putCredential",
              "patchCredential"),
    Call("deleteCredential", lambda ids: {"force": True}, drop="credential"),
    Call("deleteCredentialType", drop="credentialtype"),
]  # fmt: skip


def _template(ids: Ids) -> dict[str, Any]:
    body = {"name": f"Template {ids.word}", "app_id": ids["app"], "company_id": ids["company"], "interval": "daily"}
    return {"body": body}


TEMPLATES = [
    Call("createRunTemplate", _template, keep={"runtemplate": _id}, read=lambda told, ids: told.interv == "d"),
    Call("deleteRunTemplate", drop="runtemplate"),
    Call("createRunTemplate", _template, keep={"runtemplate": _id}),
    Call("listRunTemplates", lambda ids: {"active": True, "limit": 100},
         read=lambda told, ids: told[str(ids["runtemplate"])].active),
    Call("plainRunTemplate", read=lambda told, ids: told[0].app_name),
    Call("getRunTemplateById"),
    Call("setRunTemplateById", lambda ids: {"run_template_id": ids["runtemplate"], "body": {"note": "by address"}}),
    Call("updateRunTemplateById", lambda ids: {"body": {"id": ids["runtemplate"], "max_retries": 2}},
         read=lambda told, ids: told.max_retries == 2),
    Call("putRunTemplate", lambda ids: {"body": {"retry_on_exit_codes": [1, 75]}},
         read=lambda told, ids: told.retry_on_exit_codes == [1, 75]),
    Call("patchRunTemplate", lambda ids: {"body": {"active": True}}),
    Call("reconfigureRunTemplates", lambda ids: {"body": {
        "runtemplate_ids": [ids["runtemplate"]], "config_key": "ACCOUNT", "config_value": "7"
    }}, read=lambda told, ids: told.updated == 1),
    Call("executeRunTemplates", lambda ids: {"body": {"runtemplate_ids": [ids["runtemplate"]], "when": "now"}},
         read=lambda told, ids: told.scheduled == 1),
]  # fmt: skip
JOBS = [
    Call("setjobById", lambda ids: {"body": {
        "runtemplate_id": ids["runtemplate"], "scheduled": "+1 hour", "executor": "Native", "env": {"ACCOUNT": "9"}
    }}, keep={"job": _id}, read=lambda told, ids: told.job_id == told.id and told.begin is None),
    Call("getjobById", lambda ids: {"lines": True}, read=lambda told, ids: told.exitcode is None),
    Call("cancelJob", read=lambda told, ids: told.status == "cancelled"),
    Call("deletejobById", lambda ids: {"cancel": True}, False, drop="job"),
    Call("createJob", lambda ids: {"body": {"runtemplate_id": ids["runtemplate"], "scheduled": "+1 day"}}),
    Call("listSchedule", lambda ids: {"order": "-id"}, keep={"schedule": _newest}),
    Call("getScheduleById", read=lambda told, ids: told.runtemplate_id == ids["runtemplate"]),
    Call("deleteScheduleById", drop="schedule"),
    Call("listjobs", lambda ids: {"status": "failed", "company_id": ids["company"], "order": "-id"},
         read=lambda told, ids: {one.status for one in told.values()} > {"failed", "lost"}),
    Call("plainJob", read=lambda told, ids: {one.id for one in told} >= {ids["job"]}),
    Call("getJobsStatus", read=lambda told, ids: told[0].total_jobs > 0),
    Call("stopJob", lambda ids: {"job_id": ids["running"], "body": {"level": "kill", "reason": "enough"}}),
    Call("retryJob", read=lambda told, ids: told.retry_of == ids["job"]),
    Call("listJobArtifacts", read=lambda told, ids: told[0].id == ids["artifact"]),
    Call("deletejobs", lambda ids: {"runtemplate_id": ids["runtemplate"], "dry_run": True}, False,
         read=lambda told, ids: told.deleted == 0),
    Call("listArtifacts", lambda ids: {"job_id": ids["job"]}, read=lambda told, ids: told[0].size == len(BINARY)),
    Call("getArtifactById"),
    Call("downloadArtifact", read=lambda told, ids: told == BINARY),
    Call("listTasks", lambda ids: {"state": "fulfilled", "limit": 5}, read=lambda told, ids: told),
    Call("getTaskById", read=lambda told, ids: told.jobs[0].id == ids["job"]),
]  # fmt: skip
TOPICS = [
    Call("createTopic", lambda ids: {"body": {"name": f"Topic {ids.word}", "color": "#112233"}}, keep={"topic": _id}),
    Call("getAllTopics", read=lambda told, ids: ids["topic"] in [one.id for one in told]),
    Call("plainTopic"),
    Call("getTopic", read=lambda told, ids: told.color == "#112233"),
    *_changes("topic", "topic_id", {"color": "#445566"}, "setTopic", "updateTopic", "putTopic", "patchTopic"),
    Call("deleteTopic", drop="topic"),
]
EVENTS = [
    Call("createEventSource", lambda ids: {"body": {"name": f"Source {ids.word}", "db_host": "127.0.0.1",
                                                    "db_port": "1"}}, False, keep={"eventsource": _id}),
    Call("listEventSources", lambda ids: {"order": "-id"}, False, read=lambda told, ids: told[0].id),
    Call("plainEventSource", free=False),
    Call("getEventSourceById", free=False, read=lambda told, ids: told.db_port == "1"),
    *_changes("eventsource", "event_source_id", {"poll_interval": 90}, "setEventSourceById", "updateEventSource",
              "putEventSource", "patchEventSource", free=False),
    Call("testEventSourceConnection", free=False, read=lambda told, ids: told.reachable is False and told.message),
    Call("deleteEventSourceById", free=False, drop="eventsource"),
    Call("createEventRule", lambda ids: {"body": {
        "source_runtemplate_id": ids.known["runtemplate"], "target_runtemplate_id": ids["runtemplate"],
        "env_mapping": {"DOC": "$.recordid"},
    }}, keep={"eventrule": _id}, read=lambda told, ids: told.mapping == {"DOC": "$.recordid"}),
    Call("listEventRules", lambda ids: {"enabled": True}),
    Call("plainEventRule"),
    Call("getEventRuleById", read=lambda told, ids: told.runtemplate_id == ids["runtemplate"]),
    *_changes("eventrule", "event_rule_id", {"priority": 5}, "setEventRuleById", "updateEventRule", "putEventRule",
              "patchEventRule"),
    Call("deleteEventRuleById", drop="eventrule"),
    Call("listAuditLog", lambda ids: {"action": "update", "limit": 5}, keep={"auditlog": _newest}),
    Call("getAuditLogById", read=lambda told, ids: told.action == "update"),
]  # fmt: skip


def _token(told: Any) -> str:
    """The token in the address that an export is fetched from."""
    given = getattr(told, "actual_instance", told)
    return parse_qs(urlsplit(given.download_url).query)["token"][0]


# Demanded only of a document that has them.
EXPORTS = [
    Call("requestDataExport", lambda ids: {"action": "export", "format": "json"}, keep={"export": _token}),
    Call("requestDataExportPost", lambda ids: {"body": {"action": "status"}}),
    Call("downloadDataExport", lambda ids: {"token": ids["export"]}, drop="export"),
]
CALLS = [*ENTRANCE, *APPS, *USERS, *COMPANIES, *CREDENTIALS, *TEMPLATES, *JOBS, *TOPICS, *EVENTS]
