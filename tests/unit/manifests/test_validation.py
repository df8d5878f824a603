"""The strict verdict on files, without Django and database."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from multiflexi.manifests import validate
from multiflexi.manifests.findings import Finding, Level
from multiflexi.manifests.kinds import Kind
from multiflexi.manifests.validation import analyse

APP = {
    "$schema": "https://example.org/app.json",
    "uuid": "97f30cf9-2d9e-4d91-ad65-9bdd8b4663cd",
    "name": "Probe",
    "description": "Looks",
    "executable": "probe",
    "environment": {},
}
PROTOTYPE = {"uuid": "97f30cf9-2d9e-4d91-ad65-9bdd8b4663cd", "code": "Probe", "name": "Probe", "version": "1.0"}


def findings(document: dict[str, Any]) -> dict[str, Finding]:
    report = validate(json.dumps(document).encode(), "test.json")
    return {finding.path: finding for finding in report.findings}


def test_a_valid_application() -> None:
    report = validate(json.dumps(APP).encode(), "app.json")
    assert (report.valid, report.findings, report.violations) == (True, [], [])
    assert (report.kind, report.schema_version) == (Kind.APPLICATION, "3.4.0")
    assert report.schema_path.is_file()
    assert report.as_dict()["status"] == "success"


def test_all_violations_are_listed_with_pointer_and_rule() -> None:
    environment = {"A": {"type": "boolean"}, "B~/": {"type": 1}, "C": "text"}
    report = validate(json.dumps({"executable": 5, "environment": environment, "uuid": "x"}).encode(), "a.json")
    paths = {finding.path for finding in report.findings if finding.severity == "error"}
    assert paths == {
        "/$schema",
        "/name",
        "/description",
        "/executable",
        "/environment/A/type",
        "/environment/C",
        "/uuid",
    }
    assert report.violations[0] == "Schema application.json version 3.4.0"
    assert "Property 'executable': must be a text, not a number" in report.violations
    assert not report.valid
    assert report.as_dict()["violations"] == report.violations


def test_what_the_schema_allows_but_an_import_would_say_is_a_warning() -> None:
    found = findings({**APP, "uuid": "", "exitcodes": {"0": "ok"}, "zzz": 1} | {"version": "1"})
    assert found["/exitcodes"].severity == found["/zzz"].severity == "warning"


def test_unparsable_files_are_invalid_not_exceptions() -> None:
    report = validate(b"{", "x.json")
    assert not report.valid
    assert "line 1" in report.violations[1]


def test_kind_can_be_given_and_is_checked() -> None:
    assert validate(json.dumps(PROTOTYPE).encode(), "x.json").kind is Kind.CREDENTIAL_PROTOTYPE
    assert not validate(json.dumps(PROTOTYPE).encode(), "x.json", kind="application").valid
    with pytest.raises(ValueError, match="nonsense"):
        validate(b"{}", "x.json", kind="nonsense")


def test_localized_prototypes_are_valid() -> None:
    assert findings({**PROTOTYPE, "name": {"en": "Probe", "cs": "Sonda"}}) == {}
    assert findings({**PROTOTYPE, "name": {"xx": "Probe"}})["/name"].severity == "error"
    assert findings({**PROTOTYPE, "name": ""})["/name"].severity == "error"


@pytest.mark.parametrize(
    ("member", "value", "path", "level"),
    [
        ("executable", "sh -c ls", "/executable", Level.FATAL),
        ("executable", "./run", "/executable", Level.FATAL),
        ("executable", "", "/executable", Level.FATAL),
        ("name", "x" * 256, "/name", Level.FATAL),
        ("name", "", "/name", Level.FATAL),
        ("environment", {"A=B": {}}, "/environment/A=B", Level.FATAL),
        ("environment", {"A\n": {}}, "/environment/A\n", Level.FATAL),
        ("environment", {"A" * 129: {}}, "/environment/" + "A" * 129, Level.FATAL),
        ("environment", {f"A{number}": {} for number in range(501)}, "/environment", Level.FATAL),
        ("environment", {"b": {"type": 1}}, "/environment/b", Level.DEVIATION),
        ("environment", {"A": {"defval": []}}, "/environment/A/defval", Level.DEVIATION),
        ("environment", {"A": {"type": "bool", "defval": "maybe"}}, "/environment/A/defval", Level.ADVICE),
        ("environment", {"A": {"type": "integer", "defval": "x"}}, "/environment/A/defval", Level.ADVICE),
        ("environment", {"A": {"type": "set", "defval": "c", "options": ["a"]}}, "/environment/A/defval", Level.ADVICE),
        ("environment", {"MULTIFLEXI_A": {}}, "/environment/MULTIFLEXI_A", Level.ADVICE),
        ("exitCodes", {"0000000001": {"description": ""}}, "/exitCodes/0000000001", Level.FATAL),
        ("exitCodes", {"404": {"description": ""}}, "/exitCodes/404", Level.ADVICE),
        ("exitCodes", {"1": {"description": ""}, "01": {"description": ""}}, "/exitCodes/01", Level.DEVIATION),
        ("exitCodes", {"x": {"description": ""}}, "/exitCodes/x", Level.VIOLATION),
        ("artifacts", [{"name": "a", "path": "(a+)+", "type": "file"}], "/artifacts/0/path", Level.ADVICE),
        ("artifacts", [{"name": "a", "type": "file"}], "/artifacts/0/path", Level.VIOLATION),
        ("produces", {"a": {"format": "json", "patterns": ["["]}}, "/produces/a/patterns/0", Level.ADVICE),
        ("produces", {"a": {"type": "text"}}, "/produces/a/format", Level.VIOLATION),
        ("consumes", {"a": {"format": "json", "target": 1}}, "/consumes/a/target", Level.FATAL),
        ("events", {"listens": {"a": {}}}, "/events/listens", Level.VIOLATION),
        ("topics", "a,b", "/topics", Level.FATAL),
        ("setup", 1, "/setup", Level.FATAL),
        ("ociimage", "", "/ociimage", Level.VIOLATION),
        ("ociimage", "a b", "/ociimage", Level.VIOLATION),
        ("ociimage", "docker.io/a/b:1", "/ociimage", Level.ADVICE),
        ("homepage", "javascript:alert(1)", "/homepage", Level.ADVICE),
        ("image", "data:text/html,x", "/image", Level.ADVICE),
        ("uuid", "not-a-uuid", "/uuid", Level.VIOLATION),
        ("uuid", None, "/uuid", Level.FATAL),
        ("cmdparams", "--x {NOWHERE}", "/cmdparamsTemplate", Level.ADVICE),
        ("description", {}, "/description", Level.VIOLATION),
        ("kubernetes", {"helm": {"enabled": True}}, "/kubernetes/helm/chart", Level.VIOLATION),
        ("kubernetes", {"helm": {"chart": "./a"}}, "/kubernetes/helm/chart", Level.VIOLATION),
    ],
)
def test_findings_and_their_weight(member: str, value: Any, path: str, level: Level) -> None:
    found = findings({**APP, member: value})
    assert (path, found[path].level) == (path, level)


@pytest.mark.parametrize("image", ["a@sha256:" + "0" * 64, "r.io/a/b:1@sha256:" + "f" * 64])
def test_an_image_with_digest_is_welcome(image: str) -> None:
    assert findings({**APP, "ociimage": image}) == {}


def test_secret_defaults_are_never_quoted() -> None:
    document = {**PROTOTYPE, "fields": [{"keyword": "TOKEN", "type": "password", "default_value": {"k": "hunter2"}}]}
    analysis = analyse(json.dumps(document).encode(), "x.json")
    assert analysis.findings
    assert not any("hunter2" in finding.message for finding in analysis.findings)


def test_validation_loads_no_django() -> None:
    program = (
        "import sys; from multiflexi.manifests import validate; validate(b'{\"executable\": 1}', 'x'); "
        "sys.exit(any(name.split('.')[0] == 'django' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, env={"PYTHONPATH": "."}).returncode == 0
