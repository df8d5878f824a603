"""Everything that is checked and prepared before a job may be started."""

from __future__ import annotations

import errno
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import gettext as _

from multiflexi import environ
from multiflexi.executors import registry
from multiflexi.executors.contract import Executor, Launch, Plan, StartRefused, start_name
from multiflexi.jobs import directories
from multiflexi.jobs.command import Command, render
from multiflexi.jobs.completeness import missing_credentials
from multiflexi.jobs.completion import Completion
from multiflexi.jobs.environment import Given, child_environment, materialise_inputs, resolve_many
from multiflexi.jobs.queue import backend
from multiflexi.jobs.resolved import CredentialProblem, EnvironmentProblem, Resolved
from multiflexi.jobs.rows import Assigned, of_templates
from multiflexi.jobs.spool import AlreadyStarted, Spool, SpoolDir
from multiflexi.models import FailureReason, Job, JobStatus
from multiflexi.runner import kept_files, limits, walls
from multiflexi.runner.giving_back import discard
from multiflexi.runner.isolation import concerns_all, together
from multiflexi.vault.masker import Masker

log = logging.getLogger(__name__)

COULD_NOT_START = 255
_SHORTAGES = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM})


class HostUnfit(Exception):
    """This host cannot prepare any job now: its directories cannot be used, or it is short of something."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A job that may be started, with everything its start needs."""

    job: Job
    module: Executor
    plan: Plan
    command: Command
    resolved: Resolved
    spool: SpoolDir
    job_dir: Path


class Refused(Exception):
    """The job ends without having been started."""

    may_have_run = False

    def __init__(self, status: JobStatus, exitcode: int | None, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.exitcode, self.reason, self.detail = status, exitcode, reason, detail


class MayHaveRun(Refused):
    """An earlier claim of the job was started, so its directories are evidence and may be in use."""

    may_have_run = True


def prepare(
    jobs: Sequence[Job],
    spool: Spool,
    *,
    answers: Mapping[int, Mapping[str, Given]] | None = None,
    credentials: Assigned | None = None,
) -> tuple[list[Prepared], list[Completion]]:
    """Resolve and check claimed jobs; those that cannot be started come back as their ends.

    `answers` is what the providers of credentials said, `credentials` are those of the run templates if known.
    Raises HostUnfit when the fault is this host's: nothing was started then, and the jobs stay claimed.
    """
    now = backend().now()
    outcomes = _resolved(jobs, answers or {}, credentials)
    ready: list[Prepared] = []
    refused: list[Completion] = []
    for job in jobs:
        try:
            ready.append(_prepared(job, outcomes[job.pk], spool))
        except Refused as refusal:
            if not refusal.may_have_run:
                discard(job, spool)
            refused.append(
                Completion(
                    job,
                    JobStatus.QUEUED,
                    refusal.status,
                    end=now,
                    exitcode=refusal.exitcode,
                    reason=refusal.reason,
                    detail=refusal.detail,
                )
            )
    return ready, refused


def _resolved(
    jobs: Sequence[Job], answers: Mapping[int, Mapping[str, Given]], credentials: Assigned | None
) -> dict[int, Resolved | EnvironmentProblem]:
    """The environments of all jobs; one that nobody thought of ends its own job only."""
    outcomes: dict[int, Resolved | EnvironmentProblem] = {}

    def resolve(batch: Sequence[Job]) -> None:
        outcomes.update(
            resolve_many(
                batch,
                installation=environ.file_values(),
                answers=lambda _credentials: answers,
                credentials=credentials,
            )
        )

    def failed(job: Job, error: Exception) -> None:
        log.error("an environment cannot be made", extra={"job": job.pk}, exc_info=error)
        outcomes[job.pk] = EnvironmentProblem(
            _("Job %(id)d: its environment cannot be made (%(kind)s); the log of the executor tells more.")
            % {"id": job.pk, "kind": type(error).__name__}
        )

    together(jobs, resolve, failed)
    return outcomes


def _prepared(job: Job, outcome: Resolved | EnvironmentProblem, spool: Spool) -> Prepared:
    """Prepare one job so that whatever is wrong with it ends this job only. Raises Refused."""
    try:
        return _prepare_one(job, outcome, spool)
    except (Refused, HostUnfit):
        raise
    except AlreadyStarted as error:
        # It may have run: as with a lost job, the retry policy decides what happens next.
        raise MayHaveRun(JobStatus.FAILED, -1, FailureReason.START_FAILED, str(error)) from None
    except Exception as error:
        if concerns_all(error):
            raise
        if isinstance(error, OSError) and error.errno in _SHORTAGES:
            raise HostUnfit(str(error)) from None
        masker = outcome.masker() if isinstance(outcome, Resolved) else Masker.empty
        text = masker.mask_text(f"{type(error).__name__}: {error}")[0]
        log.error("a job cannot be prepared", extra={"job": job.pk, "error": text})
        raise Refused(JobStatus.FAILED, COULD_NOT_START, FailureReason.START_FAILED, text) from None


def _prepare_one(job: Job, outcome: Resolved | EnvironmentProblem, spool: Spool) -> Prepared:
    if isinstance(outcome, EnvironmentProblem):
        raise _refusal(outcome)
    missing = [*outcome.missing, *_missing_credentials(job, outcome)]
    if missing:
        detail = _("Required values are missing: %(names)s.") % {"names": ", ".join(missing)}
        raise Refused(JobStatus.FAILED, COULD_NOT_START, FailureReason.START_FAILED, detail)
    job_dir = Path(directories.job_directory(job))
    try:
        command = render(job.app, outcome)
        module = _module(job)
        directory = _directories(job, job_dir, spool)
        materialise_inputs(job, outcome, job_dir)
        kept_files.put(job, outcome, job_dir)
    except EnvironmentProblem as problem:
        raise _refusal(problem) from None
    launch = Launch(
        job_id=job.pk,
        claim=job.claim,
        argv=command.words,
        env=child_environment(outcome, job_dir),
        job_dir=job_dir,
        spool=directory,
        limits=limits.effective(job),
        sandbox=walls.sandbox_of(job),
        image=job.app.ociimage or None,
    )
    try:
        plan = module.prepare(launch)
    except StartRefused as refusal:
        masked = outcome.masker().mask_text(refusal.detail)[0]
        raise Refused(JobStatus.FAILED, refusal.exit_code, refusal.reason, masked) from None
    return Prepared(job, module, plan, command, outcome, directory, job_dir)


def _missing_credentials(job: Job, outcome: Resolved) -> list[str]:
    """What was unassigned or removed since the job was made; without it the application might use another account."""
    template = job.runtemplate
    if template is None or template.complete or not job.app.requirements:
        return []
    template.app = job.app
    return missing_credentials(template, outcome.filled, of_templates([template])[template.pk])


def _directories(job: Job, job_dir: Path, spool: Spool) -> SpoolDir:
    """Make both directories. Raises HostUnfit; AlreadyStarted when an earlier start may still use them."""
    try:
        # The spool comes first, because it knows about earlier starts.
        directory = spool.create(job.pk, job.claim, spec=_spec(job, job_dir))
        directories.make_fresh(job_dir)
    except OSError as error:
        raise HostUnfit(str(error)) from None
    return directory


def _refusal(problem: EnvironmentProblem) -> Refused:
    if isinstance(problem, CredentialProblem):
        return Refused(JobStatus.BLOCKED, None, problem.reason, str(problem))
    return Refused(JobStatus.FAILED, COULD_NOT_START, problem.reason, str(problem))


def _module(job: Job) -> Executor:
    try:
        return registry.get(job.executor)
    except registry.UnknownExecutor as error:
        raise Refused(JobStatus.FAILED, -1, FailureReason.EXECUTOR_UNAVAILABLE, str(error)) from None


def _spec(job: Job, job_dir: Path) -> Mapping[str, object]:
    """What must be known about the job without the database."""
    retries = job.runtemplate.max_retries if job.runtemplate else 0
    return {
        "job": job.pk,
        "claim": job.claim,
        "executor": job.executor,
        "name": start_name(job.pk, job.claim),
        "job_dir": str(job_dir),
        "runtemplate": job.runtemplate_id,
        "retryable": job.attempt <= retries and not (job.options or {}).get("no_retry"),
    }
