"""Sealed values: their form, their place, their errors."""

import base64
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multiflexi.models import EncryptionKey
from multiflexi.vault import keyring
from multiflexi.vault.envelope import is_sealed, key_id_of, open_sealed, seal
from multiflexi.vault.errors import DecryptionFailed, KeyMissing, MasterKeyMissing

PLACE = {"table": "credata", "field": "value", "record": 12}
SECRET = "hunter2-of-ACME"


def test_a_sealed_value_has_exactly_the_documented_form(ring):
    text = seal(SECRET, key="credentials", **PLACE)
    key = keyring.current("credentials")
    members = json.loads(text)
    assert text.startswith(f'{{"v":2,"kid":{key.id},"n":"')
    assert list(members) == ["v", "kid", "n", "ct"]
    assert len(base64.b64decode(members["n"])) == 12
    assert len(base64.b64decode(members["ct"])) == len(SECRET) + 16
    assert SECRET not in text
    assert key_id_of(text) == key.id
    assert is_sealed(text)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_any_text_comes_back(ring, text):
    assert open_sealed(seal(text, key="default", **PLACE), **PLACE) == text


def test_equal_values_look_different(ring):
    assert seal(SECRET, key="default", **PLACE) != seal(SECRET, key="default", **PLACE)


@pytest.mark.parametrize("change", [{"table": "configuration"}, {"field": "value2"}, {"record": 13}])
def test_a_value_does_not_open_elsewhere(ring, change):
    text = seal(SECRET, key="credentials", **PLACE)
    with pytest.raises(DecryptionFailed, match="belongs to another record") as failed:
        open_sealed(text, **(PLACE | change))
    assert SECRET not in str(failed.value)
    assert open_sealed(text, **(PLACE | {"record": "12"})) == SECRET


@pytest.mark.parametrize("member", ["n", "ct"])
def test_a_changed_envelope_does_not_open(ring, member):
    members = json.loads(seal(SECRET, key="credentials", **PLACE))
    raw = bytearray(base64.b64decode(members[member]))
    raw[0] ^= 1
    with pytest.raises(DecryptionFailed, match=r"credata\.value in record 12"):
        open_sealed(json.dumps(members | {member: base64.b64encode(raw).decode()}), **PLACE)


def test_another_key_does_not_open_it(ring):
    members = json.loads(seal(SECRET, key="credentials", **PLACE))
    with pytest.raises(DecryptionFailed):
        open_sealed(json.dumps(members | {"kid": keyring.current("default").id}), **PLACE)
    with pytest.raises(KeyMissing, match="data key 987654"):
        open_sealed(json.dumps(members | {"kid": 987654}), **PLACE)


def test_empty_stays_empty_even_without_keys(db, settings):
    settings.ENCRYPTION_MASTER_KEY = None
    assert seal("", key="default", **PLACE) == ""
    assert open_sealed("", **PLACE) == ""


def test_clear_text_is_an_error_and_is_not_repeated(ring):
    with pytest.raises(DecryptionFailed, match="it is not encrypted") as failed:
        open_sealed(SECRET, **PLACE)
    assert SECRET not in str(failed.value)


def test_without_a_master_key_nothing_is_sealed_or_opened(ring, settings):
    text = seal(SECRET, key="credentials", **PLACE)
    settings.ENCRYPTION_MASTER_KEY = None
    with pytest.raises(MasterKeyMissing):
        seal(SECRET, key="credentials", **PLACE)
    with pytest.raises(MasterKeyMissing):
        open_sealed(text, **PLACE)


def test_a_row_needs_its_id_first(ring):
    for record in (None, ""):
        with pytest.raises(ValueError, match="save the row first"):
            seal(SECRET, key="credentials", table="credata", field="value", record=record)


def test_a_company_s_value_dies_with_its_key(ring, acme):
    keyring.ensure_keys(acme.pk)
    text = seal(SECRET, key="credentials", company_id=acme.pk, **PLACE)
    assert open_sealed(text, **PLACE) == SECRET
    EncryptionKey.objects.filter(company=acme).delete()
    keyring.forget()
    with pytest.raises(KeyMissing):
        open_sealed(text, **PLACE)


def test_the_clear_text_of_an_opened_value_is_not_a_new_version_of_the_rule(ring):
    """What is sealed twice opens twice: an envelope is a value like any other."""
    inner = seal(SECRET, key="default", **PLACE)
    outer = seal(inner, key="default", **PLACE)
    assert open_sealed(open_sealed(outer, **PLACE), **PLACE) == SECRET


GOOD = {"v": 2, "kid": 1, "n": "A" * 16, "ct": "A" * 24}


@pytest.mark.parametrize(
    "text",
    [
        None,
        7,
        b"{}",
        "",
        "{",
        "{}",
        "[]",
        "null",
        "plain text",
        '{"a": 1}',
        "{" * 100_000,
        json.dumps(GOOD | {"v": 1}),
        json.dumps(GOOD | {"kid": "1"}),
        json.dumps(GOOD | {"kid": True}),
        json.dumps(GOOD | {"kid": 0}),
        json.dumps(GOOD | {"n": "A" * 12}),
        json.dumps(GOOD | {"n": None}),
        json.dumps(GOOD | {"n": "ž" * 16}),
        json.dumps(GOOD | {"ct": "A" * 16}),
        json.dumps(GOOD | {"ct": "*" * 24}),
        json.dumps(GOOD | {"extra": 1}),
        json.dumps([GOOD]),
        json.dumps({"ciphertext": "x", "iv": "y", "tag": "z", "algorithm": "AES-256-GCM", "key_name": "default"}),
    ],
)
def test_other_texts_are_no_envelopes(text):
    assert not is_sealed(text)
    assert key_id_of(text) is None


def test_the_smallest_envelope_is_one():
    assert is_sealed(json.dumps(GOOD))
