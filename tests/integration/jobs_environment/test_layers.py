"""Order, provenance and refusals of the layers."""

import pytest

from multiflexi.jobs import environment
from multiflexi.jobs.environment import CredentialProblem, EnvironmentProblem, Given
from multiflexi.models import RunTemplateCredential
from tests.integration.jobs_environment.builders import (
    assign,
    company_value,
    configure,
    declare,
    make_job,
    override,
)


def resolve(job, installation=None, **more):
    return environment.resolve(job, installation=installation or {}, **more)


@pytest.fixture
def filled(app, acme, template, job, bank):
    """The variable TOKEN in all layers but the platform's."""
    declare(app, "TOKEN", defval="definition")
    company_value(acme, "TOKEN", "company")
    configure(template, "TOKEN", "runtemplate")
    assign(template, bank.credential(TOKEN="credential"))
    override(job, "TOKEN", "override")
    return job


LAYERS = ["definition", "company", "runtemplate", "credential", "override"]


@pytest.mark.parametrize("top", range(1, 6))
def test_later_layers_win_and_the_lower_ones_are_remembered(filled, template, acme, top):
    if top < 5:
        filled.overrides = None
    if top < 4:
        RunTemplateCredential.objects.all().delete()
    if top < 3:
        template.configuration.all().delete()
    if top < 2:
        acme.environment.all().delete()
    found = resolve(filled)
    assert found.values["TOKEN"] == LAYERS[top - 1]
    meta = found.meta["TOKEN"]
    assert meta["source"].split(":")[0] == LAYERS[top - 1]
    assert [source.split(":")[0] for source in meta["overridden"]] == LAYERS[: top - 1]


def test_the_installation_is_the_lowest_layer(app, job):
    declare(app, "COLOUR", defval="red")
    found = resolve(job, {"COLOUR": "blue", "SHAPE": "round"})
    assert found.values["COLOUR"] == "red"
    assert found.meta["COLOUR"]["overridden"] == ["system"]
    assert found.values["SHAPE"] == "round"


def test_null_lets_the_lower_layer_through_and_an_empty_string_does_not(app, template, job):
    declare(app, "A", defval="default")
    declare(app, "B", defval="default")
    configure(template, "A", None)
    configure(template, "B", "")
    found = resolve(job)
    assert (found.values["A"], found.values["B"]) == ("default", "")
    assert found.meta["B"]["source"] == "runtemplate"


def test_inactive_values_and_obsolete_fields_are_not_handed_over(app, template, job):
    configure(template, "INACTIVE", "x", inactive=True)
    declare(app, "OLD", defval="x", obsolete=True, required=True)
    configure(template, "OLD", "y")
    found = resolve(job)
    assert not {"INACTIVE", "OLD"} & set(found.values)
    assert found.missing == []


def test_sources_name_credential_with_version_and_the_person(template, job, bank, alice):
    credential = bank.credential(LOGIN="joe")
    assign(template, credential)
    override(job, "WHO", "me")
    found = resolve(job)
    assert found.meta["LOGIN"]["source"] == f"credential:{credential.pk}"
    assert found.meta["LOGIN"]["version"] == 3
    assert found.meta["WHO"]["source"] == f"override:{alice.pk}"
    assert found.meta["MULTIFLEXI_JOB_ID"]["source"] == "platform"


def test_names_of_the_platform_are_refused_in_every_layer(app, acme, template, job, bank):
    declare(app, "MULTIFLEXI_A", defval="x")
    company_value(acme, "MULTIFLEXI_B", "x")
    configure(template, "MULTIFLEXI_C", "x")
    override(job, "multiflexi_d", "x")
    assign(template, bank.credential(MULTIFLEXI_E="x"))
    found = resolve(job, {"MULTIFLEXI_F": "x", "MULTIFLEXI_TMP": "/elsewhere"})
    assert not [name for name in found.values if name.upper() in {f"MULTIFLEXI_{letter}" for letter in "ABCDEF"}]
    assert len(found.warnings) == 5
    assert "MULTIFLEXI_B from company" in " ".join(found.warnings)
    assert found.values["MULTIFLEXI_TMP"].endswith(f"/job-{job.pk}-0")


def test_only_the_definition_may_change_how_programs_are_loaded(app, acme, template, job, bank):
    declare(app, "PYTHONPATH", defval="/opt/app/lib")
    configure(template, "PYTHONPATH", "/evil")
    company_value(acme, "LD_PRELOAD", "/evil.so")
    override(job, "PATH", "/evil")
    assign(template, bank.credential(BASH_ENV="/evil"))
    found = resolve(job)
    assert found.values["PYTHONPATH"] == "/opt/app/lib"
    assert not {"LD_PRELOAD", "PATH", "BASH_ENV"} & set(found.values)
    assert len(found.warnings) == 4
    child = environment.child_environment(found, "/jobs/1")
    assert child["PATH"] == environment.SEARCH_PATH


def test_credentials_in_order_of_position_then_id_and_clashes_are_told(template, job, bank):
    first, second, third = (bank.credential(name, LOGIN=name) for name in ("first", "second", "third"))
    assign(template, third, position=2)
    assign(template, second, position=1)
    assign(template, first, position=1)
    found = resolve(job)
    assert found.values["LOGIN"] == "third"
    assert f"LOGIN is offered by credential:{second.pk} and by credential:{first.pk}" in found.warnings[0]
    assert f"credential:{third.pk}" in found.warnings[1]


def test_values_of_a_credential_fixed_then_own_then_default(template, job, bank):
    for name in ("LOGIN", "URL"):
        bank.type_value(name, f"default-{name}", "default")
    bank.type_value("TOKEN", "fixed", "fixed")
    bank.type_value("SERVER", "internal", "internal")
    assign(template, bank.credential(TOKEN="own", LOGIN="own"))
    values = resolve(job).values
    assert (values["TOKEN"], values["LOGIN"], values["URL"]) == ("fixed", "own", "default-URL")
    assert "SERVER" not in values


def test_a_provider_answers_before_the_stored_value_unless_it_says_nothing(template, job, bank):
    credential = bank.credential(LOGIN="stored", URL="stored")
    bank.type_value("TOKEN", "fixed", "fixed")
    assign(template, credential)
    asked = []

    def answers(credentials):
        asked.extend(credentials)
        given = {"LOGIN": Given("answered", False), "URL": Given("", False), "TOKEN": Given("no", True)}
        return {credential.pk: given | {"EXTRA": Given("e", True)}}

    found = resolve(job, answers=answers)
    assert asked == [credential]
    values = {name: found.values[name] for name in ("LOGIN", "URL", "TOKEN", "EXTRA")}
    assert values == {"LOGIN": "answered", "URL": "stored", "TOKEN": "fixed", "EXTRA": "e"}
    assert found.is_secret("EXTRA")


def test_a_credential_of_another_company_blocks_the_job(template, job, bank, globex):
    assign(template, bank.credential(company=globex, LOGIN="spy"))
    with pytest.raises(CredentialProblem, match="another company"):
        resolve(job)


def test_reserved_variables(job, template, acme, app, settings):
    settings.MULTIFLEXI_TMP = "/jobs"
    job.attempt = 2
    values = resolve(job).values
    expected = {
        "MULTIFLEXI_JOB_ID": str(job.pk),
        "MULTIFLEXI_RUNTEMPLATE_ID": str(template.pk),
        "MULTIFLEXI_RUNTEMPLATE_NAME": "Nightly",
        "MULTIFLEXI_APPLICATION_ID": str(app.pk),
        "MULTIFLEXI_APPLICATION_NAME": "Probe",
        "MULTIFLEXI_APPLICATION_UUID": str(app.uuid),
        "MULTIFLEXI_COMPANY_ID": str(acme.pk),
        "MULTIFLEXI_COMPANY_CODE": "acme",
        "MULTIFLEXI_COMPANY_NAME": "ACME",
        "MULTIFLEXI_EXECUTOR": "Native",
        "MULTIFLEXI_TMP": f"/jobs/job-{job.pk}-0",
        "MULTIFLEXI_ATTEMPT": "2",
        "EASE_LOGGER": "console",
    }
    assert expected.items() <= values.items()
    assert "MULTIFLEXI_TASK_ID" not in values


def test_the_application_may_choose_its_logger(app, job):
    declare(app, "EASE_LOGGER", defval="syslog")
    assert resolve(job).values["EASE_LOGGER"] == "syslog"


def test_names_people_chose_are_no_macros(job, acme):
    acme.name = "{COLOUR} & sons"
    acme.save()
    override(job, "COLOUR", "red")
    assert resolve(job).values["MULTIFLEXI_COMPANY_NAME"] == "{COLOUR} & sons"


def test_the_child_environment_is_built_from_nothing(job, acme, template, monkeypatch):
    monkeypatch.setenv("OF_THE_DAEMON", "x")
    acme.timezone = "America/New_York"
    acme.save()
    child = environment.child_environment(resolve(job), "/jobs/7")
    assert "OF_THE_DAEMON" not in child
    assert {
        "HOME": "/jobs/7",
        "TMPDIR": "/jobs/7",
        "TZ": "America/New_York",
        "LANG": "C.UTF-8",
    }.items() <= child.items()
    template.timezone = "Asia/Tokyo"
    template.save()
    job.refresh_from_db()
    assert environment.child_environment(resolve(job), "/jobs/7")["TZ"] == "Asia/Tokyo"


def test_the_zone_of_the_installation_is_the_last_resort(job):
    assert resolve(job).zone == "Europe/Prague"


@pytest.mark.parametrize("text", ["a\0b", "a\ud800"])
def test_a_value_no_process_can_take_is_a_problem(job, text):
    job.overrides = {"V": text}
    with pytest.raises(EnvironmentProblem, match="V contains"):
        resolve(job)


def test_overrides_may_be_numbers_and_booleans(job):
    job.overrides = {"N": 5, "B": True, "NOT": None}
    values = resolve(job).values
    assert (values["N"], values["B"]) == ("5", "true")
    assert "NOT" not in values


def test_a_job_without_run_template(app, acme, alice, template):
    declare(app, "COLOUR", defval="red")
    job = make_job(template, alice)
    job.runtemplate = None
    job.save()
    values = resolve(job).values
    assert values["COLOUR"] == "red"
    assert "MULTIFLEXI_RUNTEMPLATE_ID" not in values
