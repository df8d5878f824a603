"""A token that may run and nothing else, on both surfaces."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from multiflexi.models import Company, Job, RunTemplate, User
from tests.http import a_token, bearer
from tests.integration.api_v2.conftest import JSON, Caller, World

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ring")]
LEGACY = "/api/VitexSoftware/MultiFlexi/1.0.0"


@pytest.fixture
def runs(client: Client, robot: User) -> Caller:
    return Caller(client, bearer(a_token(robot, scopes=["jobs:run"])))


def posted(caller: Caller, path: str, body: Any) -> Any:
    return caller.client.post(f"{LEGACY}/{path}", body, content_type=JSON, headers=caller.headers)


def test_it_runs_what_it_may_run(runs: Caller, world: World, template: RunTemplate) -> None:
    body = {"runtemplate_id": template.pk, "after": (timezone.now() + timedelta(days=1)).isoformat()}
    made = runs.post("jobs?expand=runtemplate,company", body, Idempotency_Key="one")
    assert made.status_code == 201, made.content
    job = Job.objects.get(pk=made.json()["id"])
    assert job.runtemplate == template and "company" not in made.json() and "runtemplate" not in made.json()
    assert runs.post("jobs?expand=runtemplate,company", body, Idempotency_Key="one").json() == made.json()
    assert runs.post(f"runtemplates/{template.pk}/schedule").status_code == 201
    assert posted(runs, "job/", {"runtemplate_id": template.pk}).json()["job_id"]


def test_it_reads_nothing(runs: Caller, world: World, template: RunTemplate) -> None:
    made = runs.post("jobs", {"runtemplate_id": template.pk}).json()["id"]
    for path in (f"jobs/{made}", f"jobs/{made}/output", "jobs", f"runtemplates/{template.pk}", "companies", "apps"):
        assert runs.get(path).status_code == 403, path
    assert runs.client.get(f"{LEGACY}/job/{made}.json", headers=runs.headers).status_code == 403
    assert runs.post("jobs", {"runtemplate_id": template.pk, "env": {"TARGET": "y"}}).status_code == 403


def test_others_do_not_exist_for_it(
    runs: Caller, template: RunTemplate, globex: Company, client: Client, bob: User, world: World
) -> None:
    RunTemplate.objects.filter(pk=template.pk).update(company=globex)
    for number in (template.pk, 9_999_999):
        answer = runs.post("jobs", {"runtemplate_id": number})
        assert (answer.status_code, answer.json()["code"]) == (404, "run_template_not_found")
        assert posted(runs, "job/", {"runtemplate_id": number}).json()["error"] == "RunTemplate not found"
    looks = Caller(client, bearer(a_token(bob, scopes=["jobs:run"])))
    assert looks.post("jobs", {"runtemplate_id": template.pk}).status_code == 403
