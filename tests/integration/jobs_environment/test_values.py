"""Types, macros, required values, secrets, result file, snapshot and queries."""

import json

import pytest

from multiflexi.jobs import environment
from multiflexi.jobs.completion import without_secrets
from multiflexi.jobs.environment import CredentialProblem, EnvironmentProblem
from multiflexi.models import Company, RunTemplate
from multiflexi.vault import envelope, master
from multiflexi.vault.errors import DecryptionFailed, MasterKeyMissing
from tests.integration.jobs_environment.builders import (
    Bank,
    assign,
    company_value,
    configure,
    declare,
    make_job,
    override,
)


def resolve(job, installation=None, **more):
    return environment.resolve(job, installation=installation or {}, **more)


@pytest.mark.parametrize(
    ("style", "yes", "no"), [("true/false", "true", "false"), ("1/0", "1", "0"), ("1/empty", "1", "")]
)
def test_booleans(app, template, job, style, yes, no):
    app.bool_style = style
    app.save()
    declare(app, "ON", type="bool", defval="1")
    declare(app, "OFF", type="bool", required=True)
    declare(app, "SEEN", defval="[{ON}{OFF}]")
    configure(template, "OFF", "No")
    found = resolve(job)
    assert (found.values["ON"], found.values["OFF"], found.values["SEEN"]) == (yes, no, f"[{yes}{no}]")
    assert found.missing == []


def test_an_unreadable_boolean_passes_with_a_warning(app, template, job):
    declare(app, "ON", type="bool")
    configure(template, "ON", "perhaps")
    found = resolve(job)
    assert found.values["ON"] == "perhaps"
    assert "ON is handed over as it is" in found.warnings[0]


def test_required_counts_over_all_layers(app, acme, template, job, bank):
    for name in ("FROM_COMPANY", "LOGIN", "ZERO", "ABSENT", "EMPTY", "EXPANDS_TO_NOTHING", "BY_OVERRIDE"):
        declare(app, name, required=True)
    declare(app, "NOTHING")
    company_value(acme, "FROM_COMPANY", "x")
    assign(template, bank.credential(LOGIN="x"))
    configure(template, "ZERO", "0")
    configure(template, "EMPTY", "")
    configure(template, "EXPANDS_TO_NOTHING", "{NOTHING}")
    override(job, "BY_OVERRIDE", "x")
    assert resolve(job).missing == ["ABSENT", "EMPTY", "EXPANDS_TO_NOTHING"]


def test_macros_reach_across_layers_and_know_the_job(app, acme, template, job, settings):
    settings.MULTIFLEXI_TMP = "/jobs"
    declare(app, "RESULT", defval="{MULTIFLEXI_TMP}/{WHO}_${ACCOUNT2}.json")
    declare(app, "ACCOUNT2", defval="x")
    company_value(acme, "WHO", "{MULTIFLEXI_COMPANY_CODE}")
    configure(template, "ACCOUNT2", "12")
    assert resolve(job).values["RESULT"] == f"/jobs/job-{job.pk}-0/acme_12.json"


def test_unknown_macros_stay_with_a_warning_and_known_ones_vanish(app, job):
    declare(app, "UNSET")
    declare(app, "V", defval="[{UNSET}][{TYPO}]")
    found = resolve(job)
    assert found.values["V"] == "[][{TYPO}]"
    assert found.warnings == ["V contains {TYPO}, which no layer knows; it stays as it is written."]


def test_a_circle_is_a_problem_naming_the_chain(app, template, job):
    declare(app, "A", defval="{B}")
    configure(template, "B", "x{A}")
    with pytest.raises(EnvironmentProblem, match="A → B → A") as caught:
        resolve(job)
    assert not isinstance(caught.value, CredentialProblem)
    assert caught.value.reason == "start_failed"


def test_secrets_of_every_layer_are_opened_marked_and_not_scanned(app, acme, template, job, bank):
    declare(app, "PASSWORD", type="password", secret=True)
    declare(app, "OPEN", secret=True, secret_override=False, defval="shown")
    declare(app, "KEY", defval="probe-{PASSWORD}")
    configure(template, "PASSWORD", "a{OPEN}b", seal=True)
    company_value(acme, "COMPANY_THING", "company secret", seal=True)
    assign(template, bank.credential(TOKEN="credential secret", LOGIN="joe", secret=["TOKEN"]))
    override(job, "MINE", "override secret", seal=True)
    configure(template, "OTHER_TOKEN", "by its name")
    found = resolve(job)
    assert found.values["PASSWORD"] == "a{OPEN}b"
    assert found.values["KEY"] == "probe-a{OPEN}b"
    assert {name for name in found.values if found.is_secret(name)} == {
        "PASSWORD",
        "KEY",
        "COMPANY_THING",
        "TOKEN",
        "MINE",
        "OTHER_TOKEN",
    }
    assert found.secrets == {
        "a{OPEN}b",
        "probe-a{OPEN}b",
        "company secret",
        "credential secret",
        "override secret",
        "by its name",
    }
    assert "secret" not in repr(found).replace("'secret'", "").replace("secret=", "")


def test_a_secret_that_does_not_open_ends_the_job_and_one_of_a_credential_blocks_it(template, job, bank):
    row = configure(template, "X", "one", seal=True)
    other = configure(template, "Y", "two", seal=True)
    row.value = other.value
    row.save()
    with pytest.raises(EnvironmentProblem, match="X from runtemplate") as caught:
        resolve(job)
    assert not isinstance(caught.value, CredentialProblem)
    row.delete()
    credential = bank.credential(TOKEN="x", secret=["TOKEN"])
    credential.values.update(value=other.value)
    assign(template, credential)
    with pytest.raises(CredentialProblem, match=f"TOKEN from credential:{credential.pk}") as caught:
        resolve(job)
    assert caught.value.reason == "credential_misconfigured"


def test_an_overridden_secret_is_not_even_opened(template, job, bank):
    credential = bank.credential(TOKEN="x", secret=["TOKEN"])
    credential.values.update(value="damaged")
    assign(template, credential)
    override(job, "TOKEN", "mine")
    assert resolve(job).values["TOKEN"] == "mine"


def test_a_missing_master_key_is_the_fault_of_no_job(template, job, settings):
    configure(template, "X", "one", seal=True)
    settings.ENCRYPTION_MASTER_KEY = None
    with pytest.raises(MasterKeyMissing):
        master.current()
    with pytest.raises(MasterKeyMissing):
        resolve(job)


@pytest.mark.parametrize(
    ("value", "handed_over", "looked_for"),
    [
        ("out.json", "/jobs/job-{id}-0/out.json", True),
        ("sub/out.json", "/jobs/job-{id}-0/sub/out.json", True),
        ("php://stdout", "php://stdout", False),
        ("/elsewhere/out.json", "/elsewhere/out.json", True),
        ("", "", False),
    ],
)
def test_result_file(app, job, settings, value, handed_over, looked_for):
    settings.MULTIFLEXI_TMP = "/jobs"
    declare(app, "RESULT_FILE", defval=value)
    declare(app, "COPY", defval="{RESULT_FILE}")
    found = resolve(job)
    expected = handed_over.format(id=job.pk)
    assert (found.values["RESULT_FILE"], found.values["COPY"]) == (expected, expected)
    assert found.result_file == (expected if looked_for else None)


def test_old_definitions_name_the_variable_of_the_result_file(app, job, settings):
    settings.MULTIFLEXI_TMP = "/jobs"
    app.resultfile = "REPORT"
    app.save()
    declare(app, "REPORT", defval="r.txt")
    assert resolve(job).result_file == f"/jobs/job-{job.pk}-0/r.txt"


def test_inside_a_container_paths_are_those_of_the_container(app, job):
    declare(app, "RESULT_FILE", defval="out.json")
    found = resolve(job, directory=lambda job: "/work")
    assert found.values["MULTIFLEXI_TMP"] == "/work"
    assert found.values["RESULT_FILE"] == "/work/out.json"


def test_snapshot_seals_secrets_and_restores(app, template, job):
    declare(app, "RESULT_FILE", defval="out.json")
    configure(template, "API_TOKEN", "hush hush", seal=True)
    configure(template, "EMPTY_TOKEN", "")
    found = resolve(job)
    job.env, job.env_meta = environment.snapshot(found, job.pk)
    job.save()
    job.refresh_from_db()
    assert "hush" not in json.dumps([job.env, job.env_meta])
    assert job.env["MULTIFLEXI_COMPANY_CODE"] == "acme"
    assert envelope.is_sealed(job.env["API_TOKEN"])
    again = environment.restore(job)
    assert again.values == found.values
    assert again.secrets == found.secrets == {"hush hush"}
    assert (again.result_file, again.directory) == (found.result_file, found.directory)
    job.env = without_secrets(job.env)
    assert job.env["API_TOKEN"] is None
    assert job.env["MULTIFLEXI_COMPANY_CODE"] == "acme"
    assert environment.restore(job).secrets == set()


def test_a_snapshot_opens_at_its_own_job_only(template, job, alice):
    configure(template, "API_TOKEN", "hush hush", seal=True)
    other = make_job(template, alice)
    other.env, other.env_meta = environment.snapshot(resolve(job), job.pk)
    with pytest.raises(DecryptionFailed):
        environment.restore(other)


def batch(make_app, alice, size):
    jobs = []
    for number in range(size):
        company = Company.objects.create(name=f"C{number}", slug=f"c{number}")
        app = make_app(f"app{number}")
        declare(app, "A", defval="x")
        declare(app, "FILE", type="file-path")
        template = RunTemplate.objects.create(app=app, company=company, name="t")
        configure(template, "B_TOKEN", f"secret {number}", seal=True)
        company_value(company, "C", "x")
        assign(template, Bank(company, f"bank{number}").credential(TOKEN=f"t{number}", secret=["TOKEN"]))
        jobs.append(make_job(template, alice).pk)
    return jobs


@pytest.mark.parametrize("size", [1, 12])
def test_a_batch_takes_a_constant_number_of_queries(make_app, alice, queries, size):
    from multiflexi.models import Job

    jobs = list(Job.objects.filter(pk__in=batch(make_app, alice, size)))
    with queries(13):
        found = environment.resolve_many(jobs, installation={"COLOUR": "red"})
    assert len(found) == size
    assert all(found[job.pk].values["B_TOKEN"].startswith("secret") for job in jobs)
    assert len({found[job.pk].values["TOKEN"] for job in jobs}) == size


def test_the_problem_of_one_job_leaves_the_others_alone(make_app, alice, acme):
    good = RunTemplate.objects.create(app=make_app("good"), company=acme, name="good")
    bad = RunTemplate.objects.create(app=make_app("bad"), company=acme, name="bad")
    configure(bad, "A", "{A}")
    jobs = [make_job(good, alice), make_job(bad, alice)]
    found = environment.resolve_many(jobs, installation={})
    assert found[jobs[0].pk].values["MULTIFLEXI_COMPANY_CODE"] == "acme"
    assert "A → A" in str(found[jobs[1].pk])
