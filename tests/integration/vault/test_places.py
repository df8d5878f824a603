"""The list of places that hold envelopes is complete, and nothing is sealed elsewhere."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connection, models
from django.utils import timezone

from multiflexi.models import Job, JobStatus
from multiflexi.vault import envelope
from multiflexi.vault.places import PLACES, walk
from tests.integration.vault.builders import BUILDERS, fill

MEMBERS = [place for place in PLACES if place.model == "Job"]
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
        (found,) = [one for batch in walk(place, 10) for one in batch if list(one.envelopes())]
        owner = template.company_id if place.company else None
        assert (found.record, found.company_id) == (rows[place.table, place.column].pk, owner)
        ((_field, text),) = found.envelopes()
        assert envelope.is_sealed(text)


def test_a_walk_in_small_steps_misses_nothing(template):
    for number in range(7):
        BUILDERS["credata", "value"](template, f"hunter2-{number}", name=f"TOKEN_{number}")
    place = next(one for one in PLACES if one.table == "credata")
    assert [len(batch) for batch in walk(place, 3)] == [3, 3, 1]


def jobs(place):
    return [stored.record for batch in walk(place, 10) for stored in batch if list(stored.envelopes())]


@pytest.mark.parametrize("place", MEMBERS, ids=lambda place: place.column)
@pytest.mark.parametrize("status", JobStatus)
def test_jobs_are_walked_whatever_their_state(template, place, status):
    row = BUILDERS[place.table, place.column](template, "hunter2")
    end = timezone.now() if status.is_final else None
    Job.objects.filter(pk=row.pk).update(status=status, end=end)
    assert jobs(place) == [row.pk]


def test_ended_jobs_that_hold_something_sealed_are_found_by_an_index(template):
    """The table of jobs grows without end, and few of them do."""
    if connection.vendor == "mysql":
        pytest.skip("MariaDB and MySQL have no partial indexes")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
    _live, ended = next(place for place in PLACES if place.model == "Job").rows
    assert "job_sealed" in ended.filter(pk__gt=1).values_list("pk")[:10].explain()
