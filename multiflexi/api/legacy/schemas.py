"""Types of records: the published ones with their limits, and what was added since."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

INT64: Schema = {"type": "integer", "format": "int64", "nullable": True}
INT32: Schema = {"type": "integer", "format": "int32", "nullable": True}
BOOL: Schema = {"type": "boolean", "nullable": True}
NUMBER: Schema = {"type": "number", "nullable": True}
MOMENT: Schema = {"type": "string", "format": "date-time", "nullable": True}
OBJECT: Schema = {"type": "object", "nullable": True, "additionalProperties": True}
ID: Schema = {"type": "integer", "format": "int64"}


def text(longest: int | None = None, **more: Any) -> Schema:
    limit = {} if longest is None else {"maxLength": longest}
    return {"type": "string", "nullable": True, **limit, **more}


def one_of(*words: str, published: bool = True) -> Schema:
    return text(enum=[*words]) if published else text()


def map_of(content: Schema) -> Schema:
    return {"type": "object", "additionalProperties": content}


def list_of(name: str) -> Schema:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}


TEXT = text()
_STATES = ("open", "running", "fulfilled", "fulfilled_late", "failed", "missed")
_FIELD = {"type": "object", "additionalProperties": True}
_COUNTERS = (
    "companies", "apps", "runtemplates", "topics", "credentials", "credential_types", "credentialtypes",
    "eventsources", "eventrules",
)  # fmt: skip
_TOTALS = (
    "successful_jobs", "failed_jobs", "incomplete_jobs", "running_jobs", "cancelled_jobs", "total_applications",
    "repeated_jobs", "total_jobs", "queue_length", "quee_length",
)  # fmt: skip
_EXPORTED_RECORDS = ("export_metadata", "user_profile", "consent_records", "session_history", "audit_trails")
_EXPORTED_LISTS = (
    "company_associations", "credentials", "activity_logs", "job_history", "api_tokens", "passkeys",
    "allowed_networks", "privacy_requests",
)  # fmt: skip
_CREATED = {"DatCreate": MOMENT, "DatUpdate": MOMENT}

SCHEMAS: dict[str, dict[str, Schema]] = {
    "App": {
        "id": ID,
        "enabled": BOOL,
        "image": TEXT,
        "name": {"type": "string"},
        "description": TEXT,
        "executable": {"type": "string"},
        **_CREATED,
        "setup": TEXT,
        "cmdparams": TEXT,
        "deploy": TEXT,
        "homepage": TEXT,
        "requirements": TEXT,
        "ociimage": TEXT,
        "version": TEXT,
        "code": TEXT,
        "uuid": text(format="uuid"),
        "tags": TEXT,
        "topics": TEXT,
        "resultfile": TEXT,
        "artifacts": text(255),
        "deffile": TEXT,
        "helmchart": TEXT,
        "environment": map_of(_FIELD),
        "exitCodes": map_of({"$ref": "#/components/schemas/ExitCodeDetail"}),
        "produces": map_of(_FIELD),
        "consumes": map_of(_FIELD),
        "artifactDefinitions": {"type": "array", "items": _FIELD},
        "warnings": {"type": "array", "items": TEXT},
    },
    "ExitCodeDetail": {
        "severity": TEXT,
        "retry": BOOL,
        "description": map_of({"type": "string"}),
    },
    "Company": {
        "id": ID,
        "enabled": BOOL,
        "settings": TEXT,
        "logo": TEXT,
        "name": text(32),
        "code": text(10),
        "slug": TEXT,
        "ic": text(32),
        **_CREATED,
        "customer": INT64,
        "email": text(64),
        "zabbix_host": TEXT,
    },
    "User": {
        "id": ID,
        "enabled": BOOL,
        "settings": TEXT,
        "email": TEXT,
        "firstname": TEXT,
        "lastname": TEXT,
        "login": TEXT,
        "DatCreate": MOMENT,
        "DatSave": MOMENT,
        "last_modifier_id": INT64,
        "two_factor_enabled": BOOL,
        "last_login_at": MOMENT,
    },
    "Job": {
        "id": ID,
        "app_id": INT64,
        "begin": MOMENT,
        "end": MOMENT,
        "company_id": INT64,
        "exitcode": INT32,
        "stdout": TEXT,
        "stderr": TEXT,
        "launched_by": INT64,
        "env": map_of(TEXT),
        "command": TEXT,
        "schedule": TEXT,
        "executor": TEXT,
        "runtemplate_id": INT64,
        "task_id": INT64,
        "app_version": TEXT,
        "schedule_type": TEXT,
        "pid": INT64,
        "block_reason": TEXT,
        "blocked_at": MOMENT,
        "job_id": ID,
        "scheduled": TEXT,
        "status": TEXT,
        "status_label": TEXT,
        "duration": NUMBER,
        "failure_reason": TEXT,
        "retry_of": INT64,
        "attempt": INT32,
        "output_truncated": BOOL,
        "output_lines": {"type": "array", "items": _FIELD},
    },
    "Task": {
        "id": ID,
        "runtemplate_id": INT64,
        "window_start": MOMENT,
        "window_end": MOMENT,
        "deadline": MOMENT,
        "state": one_of(*_STATES),
        "fulfilled_by_job_id": INT64,
        "fulfilled_at": MOMENT,
        "attempts": INT32,
        "created_at": MOMENT,
        "jobs": list_of("Job"),
    },
    "RunTemplate": {
        "id": ID,
        "app_id": INT64,
        "company_id": INT64,
        "interv": one_of("c", "n", "i", "h", "d", "w", "m", "y"),
        "prepared": BOOL,
        "success": OBJECT,
        "fail": OBJECT,
        "name": text(250),
        "delay": INT32,
        "executor": text(255),
        "active": BOOL,
        "cron": text(64),
        "last_schedule": MOMENT,
        "next_schedule": MOMENT,
        "note": TEXT,
        "DatCreate": MOMENT,
        "DatSave": MOMENT,
        "successfull_jobs_count": INT32,
        "failed_jobs_count": INT32,
        "deadline_offset": TEXT,
        "max_attempts": INT32,
        "retry_backoff": TEXT,
        "retry_min_gap": INT32,
        "allow_late": BOOL,
        "max_retries": INT32,
        "retry_delay": INT32,
        "retry_on_exit_codes": {"type": "array", "items": {"type": "integer"}, "nullable": True},
        "app_name": TEXT,
        "company_name": TEXT,
        "missing": {"type": "array", "items": {"type": "string"}},
    },
    "Credential": {
        "id": ID,
        "company_id": INT64,
        "name": text(32),
        "type": one_of("password", "token", "certificate"),
        "value": text(255),
        **_CREATED,
        "formType": TEXT,
        "credential_type_id": INT64,
        "credential_type": TEXT,
        "fields": OBJECT,
        "availability": TEXT,
    },
    "CredentialType": {
        "id": ID,
        "name": text(32),
        "description": text(255),
        "url": text(255),
        "logo": text(255),
        "DatCreate": MOMENT,
        "DatUpdate": TEXT,
        "uuid": TEXT,
        "prototype": TEXT,
        "company_id": INT64,
        "version": TEXT,
    },
    "CredentialPrototype": {
        "id": ID,
        "uuid": TEXT,
        "code": TEXT,
        "name": TEXT,
        "description": TEXT,
        "version": TEXT,
        "logo": TEXT,
        "url": TEXT,
        "homepage": TEXT,
        "tags": TEXT,
        "fields": {"type": "array", "items": _FIELD},
    },
    "Topic": {
        "id": ID,
        "name": text(32),
        "description": text(255),
        "color": text(7),
        "DatCreate": MOMENT,
        "DatUpdate": TEXT,
    },
    "EventSource": {
        "id": ID,
        "name": text(255),
        "adapter_type": text(128),
        "db_connection": one_of("mysql", "pgsql", "sqlite"),
        "db_host": text(255),
        "db_port": text(8),
        "db_database": text(128),
        "db_username": text(128),
        "db_password": text(255),
        "poll_interval": INT32,
        "enabled": BOOL,
        "last_processed_id": INT64,
        "created": MOMENT,
        "modified": MOMENT,
    },
    "EventRule": {
        "id": ID,
        "event_source_id": INT64,
        "evidence": text(60),
        "operation": one_of("any", "create", "update", "delete"),
        "runtemplate_id": INT64,
        "priority": INT32,
        "enabled": BOOL,
        "env_mapping": TEXT,
        "created": MOMENT,
        "modified": MOMENT,
        "runtemplate_source_id": INT64,
        "source_runtemplate_id": INT64,
        "target_runtemplate_id": INT64,
        "mapping": OBJECT,
    },
    "CompanyUser": {
        "id": ID,
        "company_id": INT64,
        "user_id": INT64,
        "role": TEXT,
        "created_at": MOMENT,
        "user": {"allOf": [{"$ref": "#/components/schemas/User"}], "nullable": True},
    },
    "RbacRole": {
        "id": ID,
        "name": text(64),
        "display_name": text(128),
        "is_active": BOOL,
        "assigned_at": MOMENT,
        "expires_at": MOMENT,
    },
    "AuditLogEntry": {
        "id": ID,
        "user_id": INT64,
        "entity_type": TEXT,
        "entity_id": INT64,
        "action": one_of("create", "update", "delete"),
        "event_description": TEXT,
        "severity": one_of("low", "medium", "high", "critical"),
        "additional_data": OBJECT,
        "created_at": MOMENT,
        "event_type": TEXT,
        "ip_address": TEXT,
        "user_agent": TEXT,
    },
    "Artifact": {
        "id": ID,
        "job_id": INT64,
        "filename": TEXT,
        "content_type": TEXT,
        "note": TEXT,
        "created_at": MOMENT,
        "size": INT64,
        "sha256": TEXT,
        "contains_secret": BOOL,
        "masked_spans": INT64,
        "download_url": TEXT,
    },
    "ScheduleItem": {
        "id": ID,
        "after": MOMENT,
        "job": INT64,
        "schedule_type": TEXT,
        "runtemplate_id": INT64,
        "runtemplate_name": TEXT,
        "runtemplate_interv": TEXT,
        "runtemplate_cron": TEXT,
        "app_id": INT64,
        "app_name": TEXT,
        "company_id": INT64,
        "company_name": TEXT,
    },
    "Status": dict.fromkeys(_COUNTERS, INT64)
    | {
        "version": TEXT,
        "php": TEXT,
        "python": TEXT,
        "os": TEXT,
        "memory": INT64,
        "database": TEXT,
        "daemon": TEXT,
        "daemons": map_of(TEXT),
        "timestamp": MOMENT,
        "status": OBJECT,
    },
    "JobsStatus": {"timestamp": MOMENT} | dict.fromkeys(_TOTALS, INT64),
    "ErrorResponse": {
        "error": {"type": "string"},
        "message": {"type": "string"},
        "success": {"type": "boolean"},
        # By field; of bulk actions an array, by run template.
        "errors": {},
        "code": {"type": "string"},
        "request_id": {"type": "string"},
    },
    "Done": {"success": {"type": "boolean"}, "id": ID},
    "DataExportResponse": {
        "success": {"type": "boolean"},
        "download_url": {"type": "string"},
        "format": {"type": "string", "enum": ["json", "pdf", "csv", "xml"]},
        "generated_at": {"type": "string", "format": "date-time"},
        "expires_at": {"type": "string", "format": "date-time"},
        "notification_sent": BOOL,
    },
    "DataExportStatusResponse": {"success": {"type": "boolean"}, "exports": {"type": "array", "items": _FIELD}},
    "DataExportData": dict.fromkeys(_EXPORTED_RECORDS, _FIELD)
    | {name: {"type": "array", "items": _FIELD} for name in _EXPORTED_LISTS},
}
REQUIRED = {
    "App": ["name", "executable"],
    "ErrorResponse": ["error"],
    "Done": ["success"],
    "DataExportResponse": ["success", "download_url", "format", "generated_at", "expires_at"],
    "DataExportStatusResponse": ["success", "exports"],
    "DataExportData": [*_EXPORTED_RECORDS, *_EXPORTED_LISTS],
}
