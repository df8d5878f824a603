"""Artifacts: what jobs leave behind."""

from __future__ import annotations

from django.urls import get_script_prefix

from multiflexi.api.legacy.answers import Answer, Row, raw
from multiflexi.api.legacy.call import Call
from multiflexi.api.legacy.declare import operation
from multiflexi.api.legacy.fields import MOMENT, NUMBER, TEXT
from multiflexi.api.legacy.formats.html import BASE
from multiflexi.api.legacy.lists import Filter
from multiflexi.api.legacy.noun import Noun
from multiflexi.http import artifacts
from multiflexi.models import Artifact
from multiflexi.record.actor import Actor
from multiflexi.services import artifact, lookup
from multiflexi.services.presenters import artifact as presenter


def row(one: Artifact) -> Row:
    return presenter.row(one) | {
        "sha256": one.sha256,
        "contains_secret": one.contains_secret,
        "masked_spans": one.masked_spans,
        "download_url": f"{get_script_prefix()}{BASE}artifact/{one.pk}",
    }


def _find(actor: Actor, number: int) -> Artifact:
    return lookup.by_id(artifact.query(actor).select_related("job"), artifact.NOUN, number)


NOUN = Noun(
    one="artifact",
    many="artifacts",
    key="artifactId",
    name=artifact.NOUN,
    schema="Artifact",
    item="artifact",
    query=artifact.query,
    rows=lambda call, found: [row(one) for one in found],
    sortable=presenter.SORTABLE,
    find=_find,
    detail=lambda call, found: row(found),
    filters={
        "job_id": Filter(NUMBER),
        "runtemplate_id": Filter(NUMBER, "job__runtemplate__exact"),
        "company_id": Filter(NUMBER, "job__company__exact"),
        "filename": Filter(TEXT, "filename__exact"),
        "content_type": Filter(TEXT, "content_type__exact"),
        "from": Filter(MOMENT, "created_at__gte"),
        "to": Filter(MOMENT, "created_at__lte"),
    },
    ids={"list": "listArtifacts", "get": "getArtifactById"},
)
NOUN.declare()


@operation(
    "GET", "artifact/{artifactId}", id="downloadArtifact", shape="file", slash=False, tag="artifact",
    successor="artifacts",
)  # fmt: skip
def download(call: Call) -> Answer:
    """The content of an artifact, whole or in parts"""
    found = NOUN.select(call)
    return raw(artifacts.sent(call.request._request, call.actor, found))
