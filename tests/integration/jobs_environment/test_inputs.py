"""Uploaded input files."""

import stat

import pytest

from multiflexi.jobs import environment, inputs
from multiflexi.jobs.environment import EnvironmentProblem
from multiflexi.models import FileStore
from tests.integration.jobs_environment.builders import configure, declare, override


@pytest.fixture
def file_field(app):
    return declare(app, "CERT", type="file-path", required=True)


def upload(name, content, **owner):
    return FileStore.objects.create(field="CERT", file_name=name, file_data=content, size=len(content), **owner)


def resolve(job):
    return environment.resolve(job, installation={})


def test_an_upload_of_the_run_template_is_written_below_inputs(job, template, file_field, tmp_path):
    upload("my cert.pem", b"\0\xffcert", runtemplate=template)
    found = environment.resolve(job, installation={}, directory=lambda job: str(tmp_path))
    assert found.missing == []
    [path] = environment.materialise_inputs(job, found, tmp_path)
    assert found.values["CERT"] == str(path) == str(tmp_path / "inputs" / "CERT" / "my cert.pem")
    assert path.read_bytes() == b"\0\xffcert"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_an_upload_of_the_job_wins_and_only_the_winner_is_written(job, template, file_field, tmp_path):
    upload("old.pem", b"old", runtemplate=template)
    configure(template, "CERT", "/etc/cert.pem")
    upload("new.pem", b"new", job=job)
    found = resolve(job)
    assert found.values["CERT"].endswith("/inputs/CERT/new.pem")
    assert [path.read_bytes() for path in environment.materialise_inputs(job, found, tmp_path)] == [b"new"]


def test_a_path_given_by_override_replaces_an_upload(job, template, file_field, tmp_path):
    upload("old.pem", b"old", runtemplate=template)
    override(job, "CERT", "/etc/cert.pem")
    found = resolve(job)
    assert found.values["CERT"] == "/etc/cert.pem"
    assert environment.materialise_inputs(job, found, tmp_path) == []


def test_a_secret_upload_is_stored_sealed_and_written_in_clear(job, template, file_field, tmp_path):
    row = upload("key.pem", b"", runtemplate=template)
    row.file_data, row.secret = inputs.sealed_content(b"\0private\xff", row.pk), True
    row.save()
    assert b"private" not in row.file_data
    [path] = environment.materialise_inputs(job, resolve(job), tmp_path)
    assert path.read_bytes() == b"\0private\xff"


def secret_upload(template, content):
    row = upload("key.pem", b"", runtemplate=template)
    row.file_data, row.secret = inputs.sealed_content(content, row.pk), True
    row.save()


def test_the_content_of_a_secret_upload_is_masked_line_by_line(job, template, file_field, tmp_path):
    secret_upload(template, b"first-line-4711\nsecond-line-4711\n")
    found = resolve(job)
    environment.materialise_inputs(job, found, tmp_path)
    assert found.masker().mask_text("it says second-line-4711") == ("it says ••••••••", 1)


def test_an_executor_that_adopts_the_job_masks_it_too(job, template, file_field):
    secret_upload(template, b"hunter2-in-a-file")
    job.env, job.env_meta = environment.snapshot(resolve(job), job.pk)
    assert environment.restore(job).masker().mask_text("hunter2-in-a-file")[1] == 1


def test_a_public_or_very_large_upload_is_not_masked(job, template, file_field, tmp_path):
    upload("public.pem", b"public-line-4711", runtemplate=template)
    found = resolve(job)
    environment.materialise_inputs(job, found, tmp_path)
    assert not found.masker()
    assert inputs.secret_texts([FileStore(secret=True, file_data=b"")]) == set()
    FileStore.objects.all().delete()
    secret_upload(template, b"large-line-4711\n" * 2000)
    (tmp_path / "other").mkdir()
    found = resolve(job)
    environment.materialise_inputs(job, found, tmp_path / "other")
    assert not found.masker()


def test_a_secret_upload_that_does_not_open_is_a_problem(job, template, file_field, tmp_path):
    row = upload("key.pem", b"in clear", runtemplate=template, secret=True)
    found = resolve(job)
    with pytest.raises(EnvironmentProblem, match="cannot be decrypted"):
        environment.materialise_inputs(job, found, tmp_path)
    row.delete()
    with pytest.raises(EnvironmentProblem, match="CERT is gone"):
        environment.materialise_inputs(job, found, tmp_path)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\joe\\a b.txt", "a b.txt"),
        (".bashrc", "bashrc"),
        ("-rf", "rf"),
        ("", "file"),
        ("..", "file"),
        ("a\nb\0c.txt", "a_b_c.txt"),
        ("účet č. 1.csv", "účet č. 1.csv"),
        ("ř" * 200 + ".json", "ř" * 72 + ".json"),
    ],
)
def test_safe_names(name, safe):
    assert inputs.safe_name(name) == safe


def test_a_planted_link_is_not_followed(job, template, file_field, tmp_path):
    upload("a.pem", b"x", runtemplate=template)
    target = tmp_path / "target"
    (tmp_path / "inputs" / "CERT").mkdir(parents=True)
    (tmp_path / "inputs" / "CERT" / "a.pem").symlink_to(target)
    with pytest.raises(FileExistsError):
        environment.materialise_inputs(job, resolve(job), tmp_path)
    assert not target.exists()
