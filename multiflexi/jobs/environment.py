"""The environment of jobs: resolved from its layers right before the launch, never at creation.

Low to high: installation file (filtered), manifest defaults, company, run template, assigned credentials, one-time
overrides, reserved `MULTIFLEXI_*`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from multiflexi.jobs import inputs, names, rows
from multiflexi.jobs.assembly import assemble
from multiflexi.jobs.credential_values import Answers, Given, no_answers
from multiflexi.jobs.directories import job_directory
from multiflexi.jobs.layers import SYSTEM, Offer, names_credential
from multiflexi.jobs.resolved import CredentialProblem, EnvironmentProblem, Resolved
from multiflexi.jobs.snapshot import restore, snapshot
from multiflexi.models import FileStore, Job
from multiflexi.vault.errors import DecryptionFailed, KeyMissing

__all__ = [
    "Answers",
    "CredentialProblem",
    "EnvironmentProblem",
    "Given",
    "Resolved",
    "child_environment",
    "materialise_inputs",
    "resolve",
    "resolve_many",
    "restore",
    "snapshot",
]

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def resolve(
    job: Job,
    *,
    installation: Mapping[str, str],
    directory: Callable[[Job], str] = job_directory,
    answers: Answers = no_answers,
    credentials: rows.Assigned | None = None,
) -> Resolved:
    """Resolve one job; see `resolve_many`. Raises EnvironmentProblem."""
    outcome = resolve_many(
        [job], installation=installation, directory=directory, answers=answers, credentials=credentials
    )[job.pk]
    if isinstance(outcome, EnvironmentProblem):
        raise outcome
    return outcome


def resolve_many(
    jobs: Sequence[Job],
    *,
    installation: Mapping[str, str],
    directory: Callable[[Job], str] = job_directory,
    answers: Answers = no_answers,
    credentials: rows.Assigned | None = None,
) -> dict[int, Resolved | EnvironmentProblem]:
    """Resolve a batch of jobs in a constant number of queries; the problem of one job is returned in its place.

    `installation` is the unfiltered content of the installation's environment file, `directory` names a job's
    directory as its process sees it, `answers` asks the credential providers, `credentials` are those assigned if
    they are known. Raises MasterKeyMissing and MasterKeyWrong, which are the fault of this process and of no job.
    """
    if not jobs:
        return {}
    visible = names.for_jobs(installation, settings.MULTIFLEXI_JOB_ENV_DENY)
    system = [Offer(name, value, SYSTEM) for name, value in visible.items()]
    stored = rows.load(jobs, answers, credentials)
    outcomes: dict[int, Resolved | EnvironmentProblem] = {}
    for job in jobs:
        try:
            outcomes[job.pk] = assemble(job, stored, system, directory(job))
        except EnvironmentProblem as problem:
            outcomes[job.pk] = problem
    return outcomes


def child_environment(resolved: Resolved, job_dir: str | Path) -> dict[str, str]:
    """The complete environment of the process, built from nothing; `job_dir` as the process sees it."""
    directory = str(job_dir)
    return {
        "PATH": SEARCH_PATH,
        "HOME": directory,
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": resolved.zone,
        "TMPDIR": directory,
    } | resolved.values


def materialise_inputs(job: Job, resolved: Resolved, job_dir: Path) -> list[Path]:
    """Write the uploads that won into `inputs/<FIELD>/<name>`, mode 0600, secret ones decrypted; at most one query.

    From then on the content of secret ones is masked.

    Raises EnvironmentProblem when a file is gone or does not decrypt, OSError when it cannot be written.
    """
    if not resolved.uploads:
        return []
    found = FileStore.objects.in_bulk(resolved.uploads.values())
    lost = sorted(name for name, upload in resolved.uploads.items() if upload not in found)
    if lost:
        raise EnvironmentProblem(
            _("Job %(id)d: the uploaded file of %(names)s is gone. Upload it again.")
            % {"id": job.pk, "names": ", ".join(lost)}
        )
    written: list[Path] = []
    for name, upload in resolved.uploads.items():
        try:
            resolved.hide(inputs.secret_texts([found[upload]]))
            written += inputs.write({name: found[upload]}, job_dir)
        except (DecryptionFailed, KeyMissing) as error:
            kind = CredentialProblem if names_credential(resolved.meta[name]["source"]) else EnvironmentProblem
            raise kind(
                _("Job %(id)d: the uploaded file of %(name)s cannot be decrypted: %(error)s Upload it again.")
                % {"id": job.pk, "name": name, "error": error}
            ) from None
    return written
