"""Importing applications: once, in place, with a trace, and nothing at all when nothing changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError
from hypothesis import HealthCheck, given, settings
from hypothesis.extra.django import TestCase

from multiflexi import manifests
from multiflexi.manifests import session
from multiflexi.manifests.reports import Result
from multiflexi.models import (
    Application,
    AuditEntry,
    Company,
    ConfField,
    Configuration,
    CredentialPrototype,
    RunTemplate,
    User,
)
from multiflexi.record.actor import SYSTEM, Actor
from multiflexi.vault import keyring
from tests.unit.manifests.strategies import APPLICATION, PROTOTYPE, as_bytes

UUID = "97f30cf9-2d9e-4d91-ad65-9bdd8b4663cd"
APP: dict[str, Any] = {
    "$schema": "https://example.org/app.json",
    "uuid": UUID,
    "name": {"en": "Probe", "cs": "Sonda"},
    "title": {"en": "The probe", "cs": "Ta sonda"},
    "description": "Looks around",
    "version": "1.2.0",
    "executable": "/usr/bin/probe",
    "cmdparams": "--host {HOST}",
    "environment": {
        "HOST": {
            "type": "string",
            "category": "API",
            "description": {"en": "Host", "cs": "Stroj"},
            "hint": "example.org",
            "defval": "localhost",
            "required": True,
        },
        "MODE": {"type": "set", "options": {"z": "Last", "a": "First"}, "defval": "z", "name": "Mode", "note": "n"},
        "API_TOKEN": {"type": "string", "expiring": True},
    },
    "artifacts": [{"name": {"en": "Report", "cs": "Hlášení"}, "path": ".*\\.json$", "type": "file"}],
    "exitCodes": {
        "0": {"description": {"en": "Fine", "cs": "Dobře"}, "severity": "success"},
        "1": {"description": "Bad", "retry": True},
    },
    "produces": {"data": {"format": "json", "patterns": ["a,b"], "fields": {"x": {"path": "$.x"}}}},
    "consumes": {"input": {"format": "file", "target": "HOST", "required": False}},
    "events": {"emits": {"done": {"operation": "create"}}},
    "kubernetes": {"helm": {"chart": "repo/probe", "timeoutSeconds": 60}},
    "requirements": ["mServer"],
    "tags": ["a", "b"],
    "ociimage": "docker.io/probe/probe:1",
    "homepage": "https://example.org/",
    "setup": "probe --setup",
    "deploy": "apt install probe",
    "author": "Nobody",
}


@pytest.fixture(autouse=True)
def keys(db: None) -> None:
    keyring.ensure_keys()


@pytest.fixture
def actor(root: User) -> Actor:
    return Actor(root.pk, "cli")


def imported(actor: Actor, document: dict[str, Any] = APP, **options: Any) -> manifests.ImportReport:
    return manifests.import_application(as_bytes(document), "probe.app.json", actor=actor, **options)


def without(*keys: str) -> dict[str, Any]:
    return {key: value for key, value in APP.items() if key not in keys}


def with_environment(**fields: Any) -> dict[str, Any]:
    return APP | {"environment": fields}


def test_every_key_is_stored(actor: Actor) -> None:
    report = imported(actor)
    app = Application.objects.get()
    assert (report.result, report.application, report.errors) == (Result.CREATED, app, [])
    assert (str(app.uuid), app.code, app.name, app.title, app.enabled) == (UUID, "probe", "Probe", "The probe", True)
    assert (app.cmdparams, app.setup, app.deploy) == ("--host {HOST}", "probe --setup", "apt install probe")
    assert (app.requirements, app.tags, app.version) == (["mServer"], ["a", "b"], "1.2.0")
    assert app.kubernetes == APP["kubernetes"]
    assert set(app.translations.values_list("lang", "name")) == {("en", "Probe"), ("cs", "Sonda")}
    host, mode, token = app.fields.order_by("position")
    assert (host.keyname, host.category, host.hint, host.defval, host.required) == (
        *("HOST", "API", "example.org", "localhost"),
        True,
    )
    assert dict(host.translations.values_list("lang", "description")) == {"en": "Host", "cs": "Stroj"}
    assert (list(mode.options), mode.name, mode.note) == (["z", "a"], "Mode", "n")
    assert (token.secret, token.expiring) == (True, True)
    artifact = app.artifact_definitions.get()
    assert dict(artifact.translations.values_list("lang", "name")) == {"en": "Report", "cs": "Hlášení"}
    fine, bad = app.exit_codes.order_by("exit_code")
    assert (fine.severity, fine.retry, bad.severity, bad.retry) == ("success", None, "error", True)
    assert (app.produces.get().patterns, app.consumes.get().target_env_key) == (["a,b"], "HOST")
    assert app.consumes.get().required is False


def test_the_same_file_again_writes_nothing(actor: Actor, django_assert_num_queries: Callable[..., Any]) -> None:
    imported(actor)
    before = Application.objects.values().get()
    entries = AuditEntry.objects.count()
    with django_assert_num_queries(14) as context:
        report = imported(actor)
    assert (report.result, report.changes) == (Result.UNCHANGED, [])
    written = [
        query["sql"] for query in context.captured_queries if query["sql"].split()[0] in ("INSERT", "UPDATE", "DELETE")
    ]
    assert written == []
    assert Application.objects.values().get() == before
    assert AuditEntry.objects.count() == entries


def test_export_and_import_change_nothing(actor: Actor) -> None:
    app = imported(actor).application
    assert app is not None
    text = manifests.export_application(app)
    assert text.endswith("}\n")
    assert "Hlášení" in text
    assert '\n  "uuid"' in text
    assert manifests.import_application(text.encode(), "again", actor=actor).result == Result.UNCHANGED
    assert manifests.export_application(Application.objects.get()) == text


def test_a_changed_field_keeps_its_row(actor: Actor) -> None:
    imported(actor)
    ids = dict(ConfField.objects.values_list("keyname", "pk"))
    ConfField.objects.filter(keyname="MODE").update(secret_override=True)
    environment = APP["environment"] | {"HOST": {"type": "url"}, "NEW": {}}
    report = imported(actor, APP | {"environment": environment})
    assert report.result == Result.UPDATED
    assert {change.path for change in report.changes} >= {"/environment/HOST/type", "/environment/NEW/type"}
    after = dict(ConfField.objects.values_list("keyname", "pk"))
    assert {key: after[key] for key in ids} == ids
    host = ConfField.objects.get(keyname="HOST")
    assert (host.type, host.description, host.translations.count()) == ("url", "", 0)
    assert ConfField.objects.get(keyname="MODE").is_secret
    assert Application.objects.get().updated_at is not None


def test_promised_files_keep_their_rows_when_others_come_and_go(actor: Actor) -> None:
    def promised(*paths: str) -> dict[str, Any]:
        return APP | {"artifacts": [{"name": path, "path": path, "type": "file"} for path in paths]}

    imported(actor, promised("a", "b", "b"))
    app = Application.objects.get()
    ids = list(app.artifact_definitions.order_by("pk").values_list("path", "pk"))
    imported(actor, promised("c", "b", "b"))
    assert list(app.artifact_definitions.filter(path="b").order_by("pk").values_list("path", "pk")) == ids[1:]
    app.refresh_from_db()
    exported = json.loads(manifests.export_application(app))["artifacts"]
    assert [artifact["path"] for artifact in exported] == ["c", "b", "b"]
    assert imported(actor, promised("c", "b", "b")).result == Result.UNCHANGED
    assert imported(actor, promised("b", "c", "b")).result == Result.UPDATED
    assert imported(actor, promised("b", "c", "b")).result == Result.UNCHANGED


def test_what_left_the_file_leaves_the_rows(actor: Actor) -> None:
    imported(actor)
    imported(actor, without("artifacts", "exitCodes", "produces", "consumes", "events", "author", "tags", "title"))
    app = Application.objects.get()
    for rows in (app.artifact_definitions, app.exit_codes, app.produces, app.consumes):
        assert rows.count() == 0
    assert (app.tags, app.title) == ([], None)
    assert "author" not in json.loads(manifests.export_application(app))


@pytest.fixture
def template(actor: Actor, acme: Company) -> RunTemplate:
    app = imported(actor).application
    assert app is not None
    return RunTemplate.objects.create(app=app, company=acme, name="Nightly", complete=True, interv="d")


def test_a_vanished_field_with_values_becomes_obsolete_and_comes_back(actor: Actor, template: RunTemplate) -> None:
    Configuration.objects.create(runtemplate=template, name="MODE", value="a")
    imported(actor, with_environment(HOST=APP["environment"]["HOST"]))
    assert dict(ConfField.objects.values_list("keyname", "obsolete")) == {"HOST": False, "MODE": True}
    assert "MODE" not in json.loads(manifests.export_application(template.app))["environment"]
    assert imported(actor, with_environment(HOST=APP["environment"]["HOST"])).result == Result.UNCHANGED
    imported(actor)
    assert not ConfField.objects.get(keyname="MODE").obsolete
    assert Configuration.objects.get().value == "a"


def test_a_field_that_becomes_required_makes_run_templates_incomplete(actor: Actor, template: RunTemplate) -> None:
    stricter = {**APP["environment"], "KEY": {"type": "string", "required": True}}
    report = imported(actor, without("requirements") | {"environment": stricter})
    assert report.incomplete == [template]
    template.refresh_from_db()
    assert (template.complete, template.next_schedule) == (False, None)


def test_state_code_and_icon_are_kept(actor: Actor) -> None:
    imported(actor)
    Application.objects.update(enabled=False, code="my-code", image="https://example.org/i.png")
    assert imported(actor, APP | {"image": "", "code": "other"}).result == Result.UNCHANGED
    imported(actor, APP | {"description": "New"})
    app = Application.objects.get()
    assert (app.enabled, app.code, app.image) == (False, "my-code", "https://example.org/i.png")
    imported(actor, APP | {"image": "https://example.org/new.png"})
    assert Application.objects.get().image == "https://example.org/new.png"


def test_state_can_be_asked_for(actor: Actor) -> None:
    assert imported(actor, enabled=False).application.enabled is False  # type: ignore[union-attr]
    assert imported(actor).result == Result.UNCHANGED
    report = imported(actor, enabled=True)
    assert (report.result, [change.path for change in report.changes]) == (Result.UPDATED, ["/enabled"])


def test_an_icon_beside_the_file_is_sanitised(actor: Actor) -> None:
    icon = b'<svg xmlns="http://www.w3.org/2000/svg"><script/><path d="M0 0"/></svg>'
    app = imported(actor, icon=icon).application
    assert app is not None
    assert app.image.startswith("data:image/svg+xml;base64,")
    assert imported(actor, icon=icon).result == imported(actor).result == Result.UNCHANGED
    assert "image" in json.loads(manifests.export_application(app))
    refused = imported(actor, icon=b"<html/>")
    assert "/image" in {finding.path for finding in refused.warnings}


def test_dirty_icons_of_files_are_not_kept_anywhere(actor: Actor) -> None:
    imported(actor, APP | {"image": "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>"})
    row = Application.objects.values("image", "manifest").get()
    assert "<script" not in json.dumps(row)
    assert row["image"].startswith("data:image/svg+xml;base64,")


def test_an_older_version_changes_nothing_unless_asked_for(actor: Actor) -> None:
    imported(actor)
    older = APP | {"version": "1.1.9", "description": "Old"}
    report = imported(actor, older)
    assert (report.result, report.changes) == (Result.UNCHANGED, [])
    assert "/version" in {finding.path for finding in report.warnings}
    assert imported(actor, older, allow_downgrade=True).result == Result.UPDATED
    assert imported(actor, APP | {"version": "1.10"}).result == Result.UPDATED


def test_strict_import_refuses_what_a_lenient_one_normalises(actor: Actor) -> None:
    sloppy = without("uuid", "$schema") | {"zzz": 1}
    refused = imported(actor, sloppy, strict=True)
    assert refused.result == Result.REJECTED
    assert {finding.path for finding in refused.errors} == {"/uuid", "/$schema", "/zzz"}
    assert Application.objects.count() == 0
    accepted = imported(actor, sloppy)
    assert {finding.path for finding in accepted.warnings} >= {"/uuid", "/$schema", "/zzz"}
    assert imported(actor, sloppy).result == Result.UNCHANGED
    assert imported(actor, APP, strict=True).result == Result.CREATED


def test_a_file_without_uuid_finds_its_application_again(actor: Actor) -> None:
    first = imported(actor, without("uuid"))
    again = imported(actor, without("uuid") | {"description": "New"})
    assert (again.result, again.record) == (Result.UPDATED, first.record)
    literal = imported(actor, APP | {"uuid": "Our-Probe"})
    assert imported(actor, APP | {"uuid": "our-probe ", "version": "2"}).record == literal.record
    app = literal.application
    assert app is not None
    assert json.loads(manifests.export_application(app))["uuid"] == "Our-Probe"


def test_names_may_repeat_with_a_warning(actor: Actor) -> None:
    imported(actor)
    report = imported(actor, without("uuid"))
    assert report.result == Result.CREATED
    assert any(finding.path == "/name" and UUID in finding.message for finding in report.warnings)
    assert set(Application.objects.values_list("code", flat=True)) == {"probe", "probe-2"}


def test_a_requirement_without_prototype_is_a_warning(actor: Actor) -> None:
    assert "/requirements/0" in {finding.path for finding in imported(actor).warnings}
    CredentialPrototype.objects.create(uuid=UUID, code="MServer", name="Pohoda")
    assert "/requirements/0" not in {finding.path for finding in imported(actor).warnings}


def test_a_dry_run_stores_nothing(actor: Actor) -> None:
    report = imported(actor, dry_run=True)
    assert (report.result, report.record, Application.objects.count()) == (Result.CREATED, None, 0)
    assert AuditEntry.objects.count() == 0
    imported(actor)
    report = imported(actor, APP | {"description": "New"}, dry_run=True)
    assert (report.result, [change.path for change in report.changes]) == (Result.UPDATED, ["/description"])
    assert Application.objects.get().description == "Looks around"


def test_one_audit_entry_per_change_with_the_digest_of_the_file(actor: Actor) -> None:
    first = imported(actor)
    second = imported(actor, APP | {"description": "New"})
    created, updated = AuditEntry.objects.filter(entity_type="Application").order_by("pk")
    assert (created.action, updated.action) == ("create", "update")
    assert created.additional_data["sha256"] == first.digest != second.digest == updated.additional_data["sha256"]
    assert updated.changes == {
        "/description": {"old": {"en": "Looks around"}, "new": {"en": "New"}},
    }
    assert updated.user_id == actor.user_id


def test_secret_defaults_are_not_told(actor: Actor) -> None:
    def document(default: str) -> dict[str, Any]:
        return with_environment(PASSWORD={"type": "password", "defval": default})

    imported(actor, document("first-default"))
    report = imported(actor, document("second-default"))
    assert [change.path for change in report.changes] == ["/environment/PASSWORD/default"]
    told = json.dumps(report.as_dict()) + json.dumps(list(AuditEntry.objects.values_list("changes", flat=True)))
    assert "first-default" not in told
    assert "second-default" not in told


def test_a_failing_audit_trail_undoes_the_import(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("no trail")

    monkeypatch.setattr(session.audit, "write", fail)
    with pytest.raises(RuntimeError):
        imported(actor)
    assert (Application.objects.count(), ConfField.objects.count()) == (0, 0)


def test_an_application_that_somebody_else_just_created_is_updated(
    actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    from multiflexi.manifests import importing

    attempts = []

    def race(definition: object, one: Any) -> None:
        attempts.append(one)
        if len(attempts) == 1:
            one.advise("/x", "said twice")
            raise IntegrityError
        one.report.result = Result.UNCHANGED

    monkeypatch.setattr(importing, "store_application", race)
    report = imported(actor)
    assert (len(attempts), report.result) == (2, Result.UNCHANGED)
    assert "/x" not in {finding.path for finding in report.warnings}


def test_the_origin_is_remembered_when_it_is_a_path(actor: Actor) -> None:
    manifests.import_application(as_bytes(APP), "/usr/share/probe/probe.app.json", actor=actor)
    assert Application.objects.get().deffile == "/usr/share/probe/probe.app.json"


def test_an_application_made_by_hand_is_taken_over(actor: Actor) -> None:
    Application.objects.create(uuid=UUID, code="old", name="By hand", executable="probe")
    app = Application.objects.get()
    assert json.loads(manifests.export_application(app))["name"] == "By hand"
    report = imported(actor)
    assert (report.result, report.application.code) == (Result.UPDATED, "old")  # type: ignore[union-attr]
    assert Application.objects.get().name == "Probe"


def test_edited_texts_are_exported(actor: Actor) -> None:
    imported(actor)
    Application.objects.update(name="Edited", description="Edited too")
    exported = json.loads(manifests.export_application(Application.objects.get()))
    assert exported["name"] == {"en": "Edited", "cs": "Sonda"}
    assert exported["description"] == "Edited too"


def test_secret_defaults_of_administrators_are_not_exported(actor: Actor) -> None:
    document = with_environment(PASSWORD={"type": "password", "defval": "shipped"}, OTHER={"type": "password"})
    app = imported(actor, document).application
    assert app is not None
    warnings: list[manifests.Finding] = []
    assert '"shipped"' in manifests.export_application(app, warnings=warnings)
    assert warnings == []
    app.fields.update(defval="typed in")
    assert "typed in" not in manifests.export_application(app, warnings=warnings)
    assert {finding.path for finding in warnings} == {"/environment/PASSWORD/defval", "/environment/OTHER/defval"}


def test_a_prototype_is_no_application(actor: Actor) -> None:
    prototype = {"code": "Probe", "uuid": UUID, "name": "Probe", "version": "1.0", "fields": []}
    assert "credential prototype" in imported(actor, prototype).errors[0].message
    report = manifests.import_prototype(as_bytes(APP), "x", actor=actor)
    assert (report.result, Application.objects.count()) == (Result.REJECTED, 0)


class TestEveryShape(TestCase):
    """Generated definitions: twice is once, and what is exported is what was imported."""

    def setUp(self) -> None:
        keyring.ensure_keys()

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(APPLICATION)
    def test_applications(self, document: dict[str, Any]) -> None:
        first = manifests.import_application(as_bytes(document), "generated", actor=SYSTEM)
        assert first.result == Result.CREATED, first.errors
        again = manifests.import_application(as_bytes(document), "generated", actor=SYSTEM)
        assert (again.result, again.changes) == (Result.UNCHANGED, [])
        assert again.application is not None
        for compat in (False, True):
            exported = manifests.export_application(again.application, compat=compat)
            back = manifests.import_application(exported.encode(), "exported", actor=SYSTEM)
            assert (back.result, back.changes) == (Result.UNCHANGED, [])

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(PROTOTYPE)
    def test_prototypes(self, document: dict[str, Any]) -> None:
        data = as_bytes({"$schema": "https://example.org/credential-prototype.json", "fields": []} | document)
        assert manifests.import_prototype(data, "generated", actor=SYSTEM).result == Result.CREATED
        again = manifests.import_prototype(data, "generated", actor=SYSTEM)
        assert (again.result, again.changes) == (Result.UNCHANGED, [])
        assert isinstance(again.record, CredentialPrototype)
        exported = manifests.export_prototype(again.record)
        back = manifests.import_prototype(exported.encode(), "exported", actor=SYSTEM)
        assert (back.result, back.changes) == (Result.UNCHANGED, [])


def test_names_that_differ_in_case_or_accents_are_different_names(actor: Actor) -> None:
    document = APP | {
        "environment": {"a": {}, "A": {}, "á": {}},
        "produces": {name: {"format": "json"} for name in ("a", "A", "a ")},
        "code": "Probe",
    }
    assert imported(actor, document).result == Result.CREATED
    assert imported(actor, document).result == Result.UNCHANGED
    assert ConfField.objects.count() == 3
    assert imported(actor, document | {"uuid": "x", "code": "probe"}).result == Result.CREATED
