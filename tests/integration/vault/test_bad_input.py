"""Damaged and moved envelopes: one clear error each, nothing is half written, nothing is handed over."""

from __future__ import annotations

import pytest

from multiflexi.jobs import environment
from multiflexi.jobs.environment import EnvironmentProblem
from multiflexi.jobs.overrides import open_overrides
from multiflexi.models import Configuration, Job
from multiflexi.record.actor import SYSTEM
from multiflexi.services import encryption
from multiflexi.vault import envelope, sweep
from multiflexi.vault.errors import DecryptionFailed
from multiflexi.vault.places import PLACES, Form
from tests.integration.vault.builders import BUILDERS, fill
from tests.integration.vault.conftest import make_template

DAMAGES = {
    "truncated": lambda own, other: own[:-9],
    "emptied": lambda own, other: '{"v":2,"kid":1,"n":"","ct":""}',
    "of another row": lambda own, other: other,
}


def content_of(row, place):
    (found,) = type(row).objects.filter(pk=row.pk).values_list(place.column, flat=True)
    return bytes(found) if place.form is Form.BYTES else found


def text_of(row, place):
    found = content_of(row, place)
    if place.form is Form.MEMBERS:
        return found["TOKEN"]
    return found.decode() if place.form is Form.BYTES else found


def put(row, place, text):
    content = {**content_of(row, place), "TOKEN": text} if place.form is Form.MEMBERS else text
    content = text.encode() if place.form is Form.BYTES else content
    type(row).objects.filter(pk=row.pk).update(**{place.column: content})


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place.table}.{place.column}")
def test_what_does_not_open_is_named_and_stays_as_it_is(template, globex, place, damage):
    row = fill(template)[place.table, place.column]
    other = BUILDERS[place.table, place.column](make_template(globex), "hunter2-of-Globex")
    put(row, place, DAMAGES[damage](text_of(row, place), text_of(other, place)))
    before = content_of(row, place)
    field = place.column + (".TOKEN" if place.form is Form.MEMBERS else "")
    assert sweep.verify().unreadable == [(place.table, row.pk, field)]
    done = encryption.rotate(SYSTEM, wait=None)
    assert done.found.unreadable == [(place.table, row.pk, field)]
    assert content_of(row, place) == before
    assert sum(done.found.moved.values()) == len(PLACES)


def job_of(template, **overrides):
    owner = BUILDERS["job", "overrides"](template, "hunter2-of-ACME")
    Job.objects.filter(pk=owner.pk).update(overrides={**owner.overrides, **overrides})
    return Job.objects.get(pk=owner.pk)


def test_a_truncated_override_is_no_value(template):
    job = job_of(template)
    job.overrides["TOKEN"] = job.overrides["TOKEN"][:-9]
    with pytest.raises(EnvironmentProblem, match="TOKEN from override"):
        environment.resolve(job, installation={})
    with pytest.raises(DecryptionFailed, match=r"overrides\.TOKEN"):
        open_overrides(job.overrides, job.pk)


def test_an_override_cannot_borrow_the_envelope_of_a_credential(template):
    stored = BUILDERS["credata", "value"](template, "hunter2-of-ACME")
    job = job_of(template, SHOWN=stored.value)
    with pytest.raises(EnvironmentProblem, match="SHOWN from override"):
        environment.resolve(job, installation={})


def test_an_envelope_in_a_plain_column_is_not_handed_over(template):
    stored = BUILDERS["credata", "value"](template, "hunter2-of-ACME")
    Configuration.objects.create(runtemplate=template, name="SHOWN", value=stored.value)
    with pytest.raises(EnvironmentProblem, match=r"SHOWN from runtemplate.*envelope among plain values"):
        environment.resolve(job_of(template), installation={})


def test_what_is_left_of_an_envelope_is_known(ring):
    text = envelope.seal("hunter2-of-ACME", key="default", table="credata", field="value", record=1)
    assert envelope.looks_sealed(text) and envelope.looks_sealed(text[:20])
    assert not envelope.is_sealed(text[:20])
    for plain in ("", "{", '{"v":3,"kid":1}', None, 7, "hunter2"):
        assert not envelope.looks_sealed(plain)
