"""Sections of an export about what the person belongs to and did."""

from __future__ import annotations

from multiflexi.access.authority import Authority
from multiflexi.compliance.reading import Reader, Row, written
from multiflexi.models import (
    AuditEntry,
    CompanyUser,
    Credential,
    DataExport,
    ErasureRequest,
    Job,
    LogEntry,
    User,
)

MOST_LOGS, MOST_JOBS, MOST = 1000, 500, 1000
NO_VALUES = "Values of credentials are not included: they are secrets of the company, not personal data."


def companies(reader: Reader, user: User) -> list[Row]:
    """By membership in force; a super administrator who is no member has none."""
    rows = CompanyUser.objects.in_force().filter(user=user).select_related("company")
    return reader.newest("company_associations", rows, MOST, _association)


def credentials(reader: Reader, user: User, authority: Authority) -> list[Row]:
    """Names of the credentials of one's companies, as far as one may see them; never a value or a note."""
    held = CompanyUser.objects.in_force().filter(user=user).values_list("company_id", flat=True)
    seen = [number for number in held if authority.allows("credentials.read", number)]
    rows = Credential.objects.filter(company_id__in=seen).select_related("credential_type")
    return reader.newest("credentials", rows, MOST, _credential)


def logs(reader: Reader, user: User) -> list[Row]:
    """Messages about what the person did."""
    return reader.newest_of_companies("activity_logs", LogEntry.objects.filter(user_id=user.pk), MOST_LOGS, _log)


def jobs(reader: Reader, user: User) -> list[Row]:
    """Jobs the person launched, without what went in or came out."""
    columns = ("app_id", "company_id", "begin", "end", "exitcode", "status")
    rows = Job.objects.filter(launched_by=user).only(*columns)
    return reader.newest_of_companies("job_history", rows, MOST_JOBS, _job)


def audit(reader: Reader, user: User) -> Row:
    """Own actions without their descriptions, which may name other people."""
    asked = DataExport.objects.filter(user=user)
    return {
        "data_export_requests": reader.newest("data_export_requests", asked, MOST, _export),
        "actions": reader.newest_of_companies("actions", AuditEntry.objects.filter(user_id=user.pk), MOST, _action),
    }


def privacy_requests(reader: Reader, user: User) -> list[Row]:
    """Requests for erasure of the account."""
    return reader.newest("privacy_requests", ErasureRequest.objects.filter(user=user), MOST, _erasure)


def _association(one: CompanyUser) -> Row:
    return {
        "company_id": one.company_id,
        "company_code": one.company.code,
        "company_name": one.company.name,
        "company_identifier": one.company.ic,
        "enabled": one.company.enabled,
        "associated_since": written(one.created_at),
        "associated_until": written(one.expires_at),
        "relationship_type": one.role,
    }


def _credential(one: Credential) -> Row:
    return {
        "credential_id": one.pk,
        "credential_name": one.name,
        "company_id": one.company_id,
        "credential_type": one.credential_type.name,
        "note": NO_VALUES,
    }


def _log(one: LogEntry) -> Row:
    return {
        "log_id": one.pk,
        "company_id": one.company_id,
        "application_id": one.apps_id,
        "severity": one.severity,
        "source": one.venue,
        "message": one.message,
        "timestamp": written(one.created),
    }


def _job(one: Job) -> Row:
    return {
        "job_id": one.pk,
        "application_id": one.app_id,
        "company_id": one.company_id,
        "started_at": written(one.begin),
        "completed_at": written(one.end),
        "exit_code": one.exitcode,
        "status": one.status,
    }


def _export(one: DataExport) -> Row:
    return {
        "message": f"Export asked for as {one.format} from {one.ip_address or 'an unknown address'}",
        "timestamp": written(one.created_at),
        "downloaded": written(one.used_at),
    }


def _action(one: AuditEntry) -> Row:
    return {
        "entry_id": one.pk,
        "timestamp": written(one.created_at),
        "event_type": one.event_type,
        "action": one.action,
        "entity_type": one.entity_type,
        "entity_id": one.entity_id,
        "company_id": one.company_id,
        "origin": one.origin,
        "outcome": one.outcome,
        "ip_address": one.ip_address,
        "user_agent": one.user_agent,
    }


def _erasure(one: ErasureRequest) -> Row:
    return {
        "request_id": one.pk,
        "kind": "erasure",
        "deletion_type": one.deletion_type,
        "requested_at": written(one.request_date),
        "status": one.status,
        "reason": one.reason,
        "decided_at": written(one.review_date),
        "completed_at": written(one.completed_date),
    }
