"""Record types of the command line: members in their order, each with its type.

n number, s text, t time as text, b 0 or 1, o object of texts, a array; `?` = may be null.
"""

from __future__ import annotations

import re
from typing import Any

JOB = (
    "id n, app_id n, begin t?, end t?, company_id n, exitcode n?, launched_by n, env o, command s?, schedule t?, "
    "executor s, app_version s, runtemplate_id n?, schedule_type s?, pid n?, retention_until t?, "
    "marked_for_deletion b, task_id n?"
)
# Further members may follow those of a type, which keep their order.
RECORDS = {
    "application:list": "id n, enabled b, image s?, name s, description s?, executable s?, DatCreate t, DatUpdate t?, "
    "setup s?, cmdparams s?, deploy s?, homepage s?, requirements s?, ociimage s?, version s?, code s?, uuid s, "
    "tags s?, resultfile s?, artifacts s, deffile s?, helmchart s?, topics s?, appversion s?",
    "artifact:list": "id n, job_id n, filename s, content_type s, artifact s, created_at t, note s?, size n, "
    "encoding s",
    "company:list": "id n, enabled b, settings s?, logo s?, server n, name s, ic s?, setup b, DatCreate t, "
    "DatUpdate t?, customer n?, email s?, slug s, retention_until t?, marked_for_deletion b, zabbix_host s?",
    "company-app:list": "id n?, company_id n, company_name s, company_slug s, app_id n, app_name s, app_uuid s",
    "credential:list": "id n, name s?, company_id n, formType s?, credential_type_id n",
    "credential-prototype:list": "id n, uuid s, code s, name s, description s?, version s, url s?, homepage s?, "
    "tags s?, logo s?, created_at t, updated_at t?",
    "credential-type:list": "id n, name s, url s?, logo s?, uuid s, prototype s, company_id n?, version n, class s",
    "event-rule:list": "id n, event_source_id n, runtemplate_source_id n?, evidence s?, operation s, runtemplate_id n, "
    "env_mapping s?, enabled b, priority n, created t, modified t?, condition s?",
    "event-source:list": "id n, name s, adapter_type s, db_connection s, db_host s, db_port s, db_database s?, "
    "db_username s?, db_password s, enabled b, last_processed_id n, poll_interval n, created t, modified t?",
    "job:list": f"{JOB}, status s, failure_reason s?, retry_of n?, attempt n, scheduled t?",
    "job:get": f"{JOB}, status s, failure_reason s?, retry_of n?, attempt n, scheduled t?, stdout s, stderr s",
    "queue:list": "id n, job n, schedule_type s, runtemplate_id n?, runtemplate_name s, app_id n?, app_name s, "
    "company_id n?, company_name s, after s, after_at t, job_schedule_type s",
    "run-template:list": "id n, app_id n, company_id n, interv s, prepared b?, success s?, fail s?, name s, delay n, "
    "executor s, active b, cron s?, last_schedule t?, next_schedule t?, note s?, DatCreate t, DatSave t?, "
    "successfull_jobs_count n, failed_jobs_count n, deadline_offset s?, max_attempts n, retry_backoff s, "
    "retry_min_gap n, allow_late b, app_uuid s, max_retries n, retry_delay n, retry_on_exit_codes a?, time_limit n?, "
    "catch_up s, overlap s, timezone s?, complete b",
    "run-template:list-credentials": "id n, runtemplate_id n, credentials_id n, credential_name s, "
    "credential_type_name s, credential_prototype s, credential_type_uuid s, credential_type_logo s?",
    "task:list": "id n, runtemplate_id n, window_start t, window_end t, deadline t, state s, fulfilled_by_job_id n?, "
    "fulfilled_at t?, attempts n, created_at t",
    "token:list": "id n, token s, start t, until t?, user_id n, user s, label s?, last_used_at t?",
    "user:list": "id n, enabled b, settings s?, email s?, firstname s?, lastname s?, password s?, "
    "password_changed_at t?, password_expires_at t?, failed_login_attempts n, locked_until t?, two_factor_enabled b, "
    "last_login_ip s?, last_login_at t?, security_settings s?, login s, DatCreate t, DatSave t?, last_modifier_id n?, "
    "deleted_at t?, deletion_reason s?, anonymized_at t?, last_activity_at t?, inactive_since t?, retention_until t?",
    "user-erasure:list": "id n, user_id n?, target_user_login s, target_user_firstname s?, target_user_lastname s?, "
    "requested_by_user_id n?, requested_by_login s?, request_date t, reason s?, deletion_type s, status s, "
    "reviewed_by_user_id n?, reviewed_by_login s?, review_date t?, review_notes s?, completed_date t?, legal_basis s?, "
    "retention_period_days n?, DatCreate t, DatSave t?",
    "status": "version-cli s, version-core s, db-migration s, user s, php s, os s, memory n, companies n, apps n, "
    "runtemplates n, topics n, credentials n, credential_types n, jobs s, database s, encryption s, zabbix s, "
    "telemetry s, executor s, scheduler s, timestamp s, python s, eventor s, housekeeper s, db_host s, applications n, "
    "jobs_total n, queue_length n",
    "queue:overview": "comprehensive_queue_metrics o",
    "task:status": "total n, open n, running n, fulfilled n, fulfilled_late n, failed n, missed n",
    "application:show-config": "code s, name s, type s, required b, default s?, description s?, secret b",
}  # fmt: skip
# Where one record is shown, it is the one of the list; what the list leaves out follows.
AS_IN_THE_LIST = (
    "application:get", "artifact:get", "company:get", "credential:get", "credential-prototype:get",
    "credential-type:get", "event-rule:get", "event-source:get", "run-template:get", "task:get", "token:get",
    "user:get",
)  # fmt: skip
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


def type_of(name: str) -> str:
    """The record type that a command shows."""
    return RECORDS[name if name in RECORDS else name.replace(":get", ":list")]


def deviations(record: dict[str, Any], kind: str) -> list[str]:
    """What is wrong with a record, member by member."""
    wanted = [tuple(member.split()) for member in kind.split(", ")]
    names = [name for name, _ in wanted]
    found = [f"{name} is missing" for name in names if name not in record]
    order = [name for name in record if name in names]
    if order != [name for name in names if name in record]:
        found.append(f"the order is {order}")
    found += [
        f"{name} = {record[name]!r} is no {code}"
        for name, code in wanted
        if name in record and not fits(record[name], code)
    ]
    return found


def fits(value: Any, code: str) -> bool:
    if value is None:
        return code.endswith("?")
    match code[0]:
        case "n":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "b":
            return value in (0, 1) and not isinstance(value, bool)
        case "t":
            return isinstance(value, str) and bool(TIME.fullmatch(value))
        case "o":
            return isinstance(value, dict)
        case "a":
            return isinstance(value, list)
    return isinstance(value, str)
