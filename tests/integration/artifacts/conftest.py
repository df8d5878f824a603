"""An ended job with its spool files and its directory."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from django.utils import timezone

from multiflexi.jobs.artifacts import Leftovers, build, save
from multiflexi.jobs.resolved import Resolved
from multiflexi.models import AppArtifact, AppArtifactTranslation, Application, Artifact, Job, RunTemplate

SECRET = "hush-hush-4711"


@pytest.fixture
def app(db):
    return Application.objects.create(uuid=uuid.uuid4(), code="probe", name="Probe", executable="probe")


@pytest.fixture
def make_job(app, acme, alice):
    template = RunTemplate.objects.create(app=app, company=acme, name="t")

    def make():
        return Job.objects.create(
            app=app, company=acme, runtemplate=template, launched_by=alice, begin=timezone.now(), claim=1
        )

    return make


class Ended:
    """A job that ended, with what it left."""

    def __init__(self, job: Job, directory: Path) -> None:
        self.job = job
        self.dir = directory / f"job-{job.pk}"
        self.spool = directory / f"spool-{job.pk}"
        self.dir.mkdir()
        self.spool.mkdir()
        self.output()
        self.resolved = Resolved(directory=str(self.dir), secrets={SECRET})

    def output(self, out: bytes = b"", err: bytes = b"") -> None:
        (self.spool / "stdout").write_bytes(out)
        (self.spool / "stderr").write_bytes(err)

    def file(self, name: str, content: bytes = b"x") -> Path:
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def result(self, path: str) -> None:
        self.resolved.result_file = path
        self.resolved.values["RESULT_FILE"] = path

    @property
    def left(self) -> Leftovers:
        return Leftovers(self.job, self.spool / "stdout", self.spool / "stderr", self.resolved, self.dir)

    def keep(self):
        [kept] = build([self.left])
        save([kept])
        return kept

    def artifacts(self) -> dict[str, Artifact]:
        return {row.filename: row for row in self.job.artifacts.order_by("id")}


@pytest.fixture
def ended(make_job, tmp_path):
    return Ended(make_job(), tmp_path)


@pytest.fixture
def promise(app):
    def make(path, type_="file", **texts):
        row = AppArtifact.objects.create(app=app, path=path, type=type_)
        for lang, text in texts.items():
            AppArtifactTranslation.objects.create(app_artifact=row, lang=lang, description=text)
        return row

    return make
