"""A run template of one company never gets a credential of another one, by whichever route somebody tries."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path

import pytest

import multiflexi
from multiflexi.jobs import environment
from multiflexi.jobs.resolved import EnvironmentProblem, Resolved
from multiflexi.models import (
    Application,
    Company,
    CompanyRole,
    CompanyUser,
    Credential,
    CredentialType,
    CredentialTypeValue,
    CredentialValue,
    Job,
    Role,
    RunTemplate,
    RunTemplateCredential,
    User,
    UserRole,
)
from multiflexi.record.actor import Actor
from multiflexi.services import (
    credential,
    credential_assignment,
    credential_type,
    credential_type_copy,
    definitions,
    run_template,
)
from multiflexi.services.errors import NotFound, Refused, ServiceError
from tests.integration.cli.conftest import Cli
from tests.integration.services.bank import SHELL, make_credential, make_prototype, make_type

pytestmark = pytest.mark.usefixtures("ring")

SECRET, SAFE = "gl0bex-token-of-the-bank", "gl0bex-password-of-the-safe"


@pytest.fixture
def theirs(globex: Company) -> Credential:
    """Globex's credential, with a secret of its own and one of its type."""
    kind = make_type(globex, values={"DAYS": "30"})
    CredentialTypeValue.objects.create(credential_type=kind, name="ACCOUNT", value=SAFE, kind="default")
    return make_credential(kind, globex, "Globex bank", BANK_TOKEN=SECRET)


@pytest.fixture
def ours(acme: Company) -> RunTemplate:
    """ACME's run template."""
    app = Application.objects.create(
        uuid="22222222-2222-4222-8222-222222222222", code="x", name="X", executable="/bin/x"
    )
    return run_template.create(SHELL, name="Ours", app=app, company=acme)


@pytest.fixture
def own_type(acme: Company, theirs: Credential) -> CredentialType:
    """ACME's type of the same kind, without values."""
    prototype = theirs.credential_type.credential_prototype
    return make_type(acme, prototype, name="Ours")


@pytest.fixture
def both(acme: Company, globex: Company) -> Actor:
    """Somebody who administers both companies."""
    user = User.objects.create(login="double", password="!")
    UserRole.objects.create(user=user, role=Role.objects.get(name="editor"))
    for company in (acme, globex):
        CompanyUser.objects.create(user=user, company=company, role=CompanyRole.ADMIN)
    return Actor(user.pk, "web")


def launched(template: RunTemplate) -> Resolved | EnvironmentProblem:
    job = Job.objects.create(
        app=template.app, company=template.company, runtemplate=template, launched_by=User.objects.technical()
    )
    return environment.resolve_many([job], installation={})[job.pk]


def assert_nothing_got_through(template: RunTemplate) -> None:
    assert not RunTemplateCredential.objects.filter(runtemplate__company=template.company).exists()
    outcome = launched(template)
    if isinstance(outcome, Resolved):
        assert not {SECRET, SAFE} & set(outcome.values.values())
    else:
        assert not any(secret in str(outcome) for secret in (SECRET, SAFE))


def test_by_service(ours: RunTemplate, theirs: Credential, alice: User, carol: User, root: User, both: Actor) -> None:
    for user, refusal in ((alice, NotFound), (carol, NotFound), (root, Refused)):
        for origin in ("web", "api"):
            with pytest.raises(refusal) as refused:
                credential_assignment.assign(Actor(user.pk, origin), ours, theirs)
            assert SECRET not in str(refused.value)
    for actor in (both, SHELL, Actor(None, "import"), Actor(None, "daemon")):
        with pytest.raises(Refused, match="belongs to another company"):
            credential_assignment.assign(actor, ours, theirs)
    assert_nothing_got_through(ours)


def test_with_objects_that_claim_another_company(
    ours: RunTemplate, theirs: Credential, acme: Company, globex: Company
) -> None:
    """What counts are the rows, not what the caller holds in hand."""
    theirs.company = acme
    with pytest.raises(Refused):
        credential_assignment.assign(SHELL, ours, theirs)
    ours.company = globex
    with pytest.raises(Refused):
        credential_assignment.assign(SHELL, ours, theirs)
    assert_nothing_got_through(RunTemplate.objects.get(pk=ours.pk))


@pytest.mark.parametrize("noun", ["run-template", "runtemplate"])
def test_by_command_line(cli: Cli, ours: RunTemplate, theirs: Credential, noun: str) -> None:
    for reference in (theirs.pk, theirs.name):
        for more in ([], ["--position", 3]):
            outcome = cli(f"{noun}:assign-credential", ours.pk, "--credential_id", reference, *more, "-f", "json")
            assert (outcome.code, outcome.json["code"]) == (1, "foreign_credential")
            assert SECRET not in outcome.out + outcome.err
    assert_nothing_got_through(ours)


def test_by_moving_one_of_them(
    cli: Cli, ours: RunTemplate, theirs: Credential, acme: Company, globex: Company, both: Actor
) -> None:
    with pytest.raises(Refused, match="stays with its company"):
        credential.update(both, theirs, company=acme)
    assert cli("credential:update", theirs.pk, "--company-id", "acme").code == 1
    assert cli("run-template:update", ours.pk, "--company", "globex").code == 1
    theirs.refresh_from_db()
    ours.refresh_from_db()
    assert (theirs.company, ours.company) == (globex, acme)
    assert_nothing_got_through(ours)


def test_by_a_clone_of_a_run_template_that_has_one_already(ours: RunTemplate, theirs: Credential) -> None:
    """The link was written behind the platform's back."""
    link = RunTemplateCredential.objects.create(runtemplate=ours, credential=theirs)
    clone = run_template.clone(SHELL, ours)
    link.delete()
    assert_nothing_got_through(clone)


def test_by_a_type_of_the_other_company(
    cli: Cli, ours: RunTemplate, theirs: Credential, acme: Company, own_type: CredentialType, both: Actor
) -> None:
    foreign = theirs.credential_type
    with pytest.raises(Refused, match="belongs to another company"):
        credential.create(both, company=acme, kind=foreign, values={"BANK_TOKEN": "of-acme"})
    mine = make_credential(own_type, acme, BANK_TOKEN="of-acme")
    with pytest.raises(Refused, match="belongs to another company"):
        credential.update(both, mine, kind=foreign)
    words = ["--company-id", "acme", "--credential-type-id", foreign.pk]
    assert cli("credential:create", *words).code == 1
    assert cli("credential:update", mine.pk, *words).code == 1
    # Even a row written behind the platform's back is not assigned.
    Credential.objects.filter(pk=mine.pk).update(credential_type=foreign)
    with pytest.raises(Refused):
        credential_assignment.assign(SHELL, ours, mine)
    assert_nothing_got_through(ours)


def test_by_copying_the_type(ours: RunTemplate, theirs: Credential, acme: Company, alice: User, both: Actor) -> None:
    kind = theirs.credential_type
    credential_type.update(SHELL, kind, values={"SAFE_PASSWORD": SAFE, "BANK_TOKEN": SECRET, "ACCOUNT": None})
    with pytest.raises(NotFound):
        credential_type_copy.copy(Actor(alice.pk, "web"), kind, acme)
    made, left_out = credential_type_copy.copy(both, kind, acme)
    assert left_out == ["BANK_TOKEN", "SAFE_PASSWORD"]
    assert list(made.values.values_list("name", "value")) == [("DAYS", "30")]
    assert made.credentials.count() == 0
    credential_assignment.assign(SHELL, ours, credential.create(SHELL, company=acme, kind=made))
    outcome = launched(ours)
    assert isinstance(outcome, Resolved)
    assert (outcome.values["DAYS"], SECRET in outcome.values.values()) == ("30", False)


def test_by_export_and_import(ours: RunTemplate, theirs: Credential, acme: Company, globex: Company) -> None:
    text = definitions.export_type(theirs.credential_type)
    assert not [secret for secret in (SECRET, SAFE) if secret in text]
    report = definitions.import_type(SHELL, text.encode(), "x.credential-type.json", acme)
    assert report.accepted
    assert isinstance(report.record, CredentialType)
    assert (report.record.company, report.record.values.count()) == (acme, 0)
    theirs.credential_type.refresh_from_db()
    assert theirs.credential_type.company == globex
    assert_nothing_got_through(ours)


def test_by_import_into_the_other_company(theirs: Credential, globex: Company, alice: User) -> None:
    document = json.loads(definitions.export_type(theirs.credential_type)) | {"name": "Taken over"}
    with pytest.raises(Refused):
        definitions.import_type(Actor(alice.pk, "api"), json.dumps(document).encode(), "x", globex)
    theirs.credential_type.refresh_from_db()
    assert theirs.credential_type.name == "FioBank"


@pytest.mark.parametrize("column", ["name", "value"])
def test_by_naming_it_in_a_value(ours: RunTemplate, theirs: Credential, column: str) -> None:
    """Macros see the variables of the own job only, and an envelope opens at its place only."""
    row = CredentialValue.objects.get(credential=theirs, name="BANK_TOKEN")
    text = {"name": "{BANK_TOKEN}", "value": str(row.value)}[column]
    run_template.update(SHELL, ours, config={"STOLEN": text})
    assert_nothing_got_through(ours)


def test_by_copying_the_envelope(
    ours: RunTemplate, theirs: Credential, own_type: CredentialType, acme: Company
) -> None:
    mine = make_credential(own_type, acme, BANK_TOKEN="of-acme")
    credential_assignment.assign(SHELL, ours, mine)
    stolen = CredentialValue.objects.get(credential=theirs, name="BANK_TOKEN").value
    CredentialValue.objects.filter(credential=mine, name="BANK_TOKEN").update(value=stolen)
    outcome = launched(ours)
    assert isinstance(outcome, EnvironmentProblem)
    assert SECRET not in str(outcome)


@pytest.mark.parametrize("smuggle", ["link", "type"])
def test_what_was_written_behind_the_platform_is_refused_at_launch(
    ours: RunTemplate, theirs: Credential, own_type: CredentialType, acme: Company, smuggle: str
) -> None:
    mine = make_credential(own_type, acme, BANK_TOKEN="of-acme")
    RunTemplateCredential.objects.create(runtemplate=ours, credential=theirs if smuggle == "link" else mine)
    if smuggle == "type":
        Credential.objects.filter(pk=mine.pk).update(credential_type=theirs.credential_type)
    outcome = launched(ours)
    assert isinstance(outcome, EnvironmentProblem)
    assert "belongs to another company" in str(outcome)
    assert not [secret for secret in (SECRET, SAFE) if secret in str(outcome)]


def test_foreign_records_do_not_exist_for_members(ours: RunTemplate, theirs: Credential, alice: User) -> None:
    actor = Actor(alice.pk, "api")
    kind = theirs.credential_type
    tries: list[Callable[[], object]] = [
        lambda: credential.find(actor, theirs.pk),
        lambda: credential.find(actor, theirs.name),
        lambda: credential.update(actor, theirs, values={"BANK_TOKEN": "of-alice"}),
        lambda: credential.remove(actor, theirs, force=True),
        lambda: credential_type.find(actor, kind.pk),
        lambda: credential_type.find(actor, str(kind.uuid)),
        lambda: credential_type.update(actor, kind, name="Mine"),
        lambda: credential_type.remove(actor, kind),
        lambda: credential_assignment.unassign(actor, RunTemplate(pk=4711), theirs),
    ]
    for attempt in tries:
        with pytest.raises(ServiceError) as refused:
            attempt()
        assert isinstance(refused.value, NotFound)
    assert list(credential.query(actor)) == []
    assert list(credential_type.query(actor)) == []
    assert Credential.objects.get().version == 1


def test_a_shared_type_may_be_used_by_all(ours: RunTemplate, acme: Company) -> None:
    shared = make_type(None, make_prototype("Shared"), values={"DAYS": "3"})
    credential_assignment.assign(SHELL, ours, make_credential(shared, acme, BANK_TOKEN="of-acme"))
    outcome = launched(ours)
    assert isinstance(outcome, Resolved)
    assert (outcome.values["DAYS"], outcome.values["BANK_TOKEN"]) == ("3", "of-acme")


def test_links_are_written_in_one_place() -> None:
    package = Path(multiflexi.__file__).parent
    writers = {
        str(file.relative_to(package))
        for file in package.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and "RunTemplateCredential" in ast.unparse(node.func)
        if ast.unparse(node.func).rpartition(".")[2]
        in {"RunTemplateCredential", "create", "get_or_create", "update_or_create", "bulk_create", "update"}
    }
    assert writers == {"services/credential_assignment.py"}
