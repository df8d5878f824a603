"""The list of places that hold envelopes is complete, and nothing is sealed elsewhere."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import models

from multiflexi.vault import envelope
from multiflexi.vault.places import PLACES, walk
from tests.integration.vault.builders import BUILDERS, fill

# Flags of that name which say something else than "the value beside me is an envelope".
OTHER_FLAGS = {
    "conffield": "a field is secret, its default is public",
    "credential_prototype_field": "as above",
    "crtypefield": "as above",
}


def test_every_place_is_tried_by_these_tests():
    assert set(BUILDERS) == {(place.table, place.column) for place in PLACES}


def test_every_place_exists():
    for place in PLACES:
        model = apps.get_model("multiflexi", place.model)
        assert model._meta.db_table == place.table
        named = {place.column, *filter(None, [place.flag, place.key_column])}
        assert named <= {field.attname for field in model._meta.concrete_fields}


def test_every_model_that_marks_secrets_is_a_place():
    marked = {
        model._meta.db_table
        for model in apps.get_app_config("multiflexi").get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, models.BooleanField) and field.name in ("secret", "is_encrypted")
    }
    assert marked - set(OTHER_FLAGS) == {place.table for place in PLACES if place.flag}


@pytest.mark.parametrize(("table", "field"), [("credata", "name"), ("apps", "manifest"), ("job", "note")])
def test_nothing_is_sealed_elsewhere(ring, table, field):
    with pytest.raises(ValueError, match=rf"{table}\.{field} is no place.*places\.py"):
        envelope.seal("hunter2-hunter2", key="default", table=table, field=field, record=1)


def test_every_place_is_walked(template):
    rows = fill(template)
    for place in PLACES:
        (batch,) = walk(place, 10)
        assert [(one.record, one.company_id) for one in batch] == [
            (rows[place.table, place.column].pk, template.company_id if place.company else None)
        ]
        ((_field, text),) = batch[0].envelopes()
        assert envelope.is_sealed(text)


def test_a_walk_in_small_steps_misses_nothing(template):
    for number in range(7):
        BUILDERS["credata", "value"](template, f"hunter2-{number}", name=f"TOKEN_{number}")
    place = next(one for one in PLACES if one.table == "credata")
    assert [len(batch) for batch in walk(place, 3)] == [3, 3, 1]
