"""Reading what was written gives what was meant, for definitions of every shape."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from multiflexi.manifests import placeholders
from multiflexi.manifests.application import read_application
from multiflexi.manifests.application_writer import application_document
from multiflexi.manifests.credential import credential_document, read_credential
from multiflexi.manifests.definitions import ApplicationDefinition, CredentialDefinition, differences
from multiflexi.manifests.findings import Level
from multiflexi.manifests.kinds import Kind
from multiflexi.manifests.notes import Notes
from multiflexi.manifests.validation import analyse
from tests.unit.manifests.strategies import APPLICATION, PROTOTYPE, TEMPLATE, as_bytes


@settings(deadline=None)
@given(APPLICATION)
def test_an_application_survives_writing_and_reading(document: dict[str, Any]) -> None:
    analysis = analyse(as_bytes(document), "generated", Kind.APPLICATION)
    assert isinstance(analysis.definition, ApplicationDefinition), analysis.findings
    written = application_document(analysis.definition, analysis.document)
    assert differences(analysis.definition, read_application(written, Notes())) == []
    # Without the original, as for an application that a person changed, the notation may differ, never the meaning.
    plain = application_document(analysis.definition)
    codeless = {"/code"}
    changed = differences(analysis.definition, read_application(plain, Notes()))
    assert {change.path for change in changed} <= codeless


@settings(deadline=None)
@given(APPLICATION)
def test_a_written_application_is_read_without_refusal(document: dict[str, Any]) -> None:
    analysis = analyse(as_bytes(document), "generated", Kind.APPLICATION)
    assert isinstance(analysis.definition, ApplicationDefinition)
    written = analyse(as_bytes(application_document(analysis.definition, analysis.document)), "written")
    assert written.kind is Kind.APPLICATION
    assert not [finding for finding in written.findings if finding.level == Level.FATAL]


@settings(deadline=None)
@given(PROTOTYPE)
@example({"code": "00", "name": "0", "fields": [{"keyword": "A", "type": "boolean", "default": 0}]})
def test_a_prototype_survives_writing_and_reading(document: dict[str, Any]) -> None:
    kind = Kind.CREDENTIAL_PROTOTYPE
    analysis = analyse(as_bytes(document), "generated", kind)
    assert isinstance(analysis.definition, CredentialDefinition), analysis.findings
    for original in (analysis.document, None):
        written = credential_document(kind, analysis.definition, original)
        assert differences(analysis.definition, read_credential(kind, written, Notes())) == []


@settings(deadline=None)
@given(TEMPLATE | st.text("{}$AB_ ", max_size=20))
@example("{${A}")
@example("{{${A}")
def test_both_notations_of_arguments_mean_the_same(template: str) -> None:
    stored = placeholders.stored_form(template)
    assert placeholders.stored_form(placeholders.exported_form(stored)) == stored
    assert placeholders.names(stored) == placeholders.names(template)


@settings(deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace")))
def test_no_bytes_make_validation_fail(data: bytes) -> None:
    report = analyse(data, "noise")
    assert report.definition is None
    assert report.findings


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["name", "environment", "code", "fields", "uuid", "x"]), inner)
        ),
        max_leaves=8,
    )
)
def test_no_json_makes_validation_fail(document: Any) -> None:
    assert analyse(json.dumps(document).encode(), "noise").findings
