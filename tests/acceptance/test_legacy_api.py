"""The legacy surface over real HTTP: served by gunicorn, asked by curl-like requests and by the published client."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import multiflexi_client
import pytest
import urllib3
from django.contrib.auth.hashers import make_password
from multiflexi_client import (
    AppApi,
    CompanyApi,
    DefaultApi,
    GdprApi,
    JobApi,
    RuntemplateApi,
    UpdateRunTemplateByIdRequest,
    UserApi,
)
from multiflexi_client.configuration import Configuration
from multiflexi_client.exceptions import ApiException, NotFoundException, UnauthorizedException

from multiflexi.models import Company, User
from tests.contract.legacy.world import BASE, BINARY, World, build
from tests.http import basic

# The published client sends it in ISO 8859-1, our own requests in UTF-8.
PASSWORD = "a password: with á"
LISTENING = re.compile(r"Listening at: (http://[0-9.:]+)")

pytestmark = pytest.mark.slow


@pytest.fixture
def world(shared_db: None, acme: Company, globex: Company, root: User) -> World:
    # The server knows no hashes that only tests use.
    root.password = make_password(PASSWORD, hasher="argon2")
    root.save()
    return build(acme, globex)


@pytest.fixture
def address(world: World, process_environment: dict[str, str]) -> Iterator[str]:
    """Where gunicorn serves the installation, with passwords in addresses switched on for the old client."""
    given = process_environment | {
        "DJANGO_SETTINGS_MODULE": "multiflexi.serving.settings",
        "MULTIFLEXI_ALLOWED_HOSTS": "127.0.0.1",
        "API_TOKEN_IN_QUERY": "true",
    }
    words = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", "--threads", "2", "multiflexi.serving.wsgi"]
    server = subprocess.Popen(words, env=given, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    try:
        for line in server.stderr:
            if found := LISTENING.search(line):
                yield found[1]
                break
        else:
            pytest.fail("gunicorn did not start")
    finally:
        server.terminate()
        server.communicate()


def ask(address: str, method: str, path: str, **more: Any) -> urllib3.BaseHTTPResponse:
    headers = {**basic("root", PASSWORD), **more.pop("headers", {})}
    return urllib3.request(method, f"{address}{BASE}{path}", headers=headers, redirect=False, **more)


def test_the_main_requests(address: str, world: World) -> None:
    answer = urllib3.request("GET", f"{address}{BASE}/ping.json")
    assert answer.data == b'{"ping":[{"ping":"pong"}]}'
    assert list(ask(address, "GET", "/apps.json").json()) == [str(world.app.pk)]
    assert urllib3.request("GET", f"{address}{BASE}/apps.json").status == 401
    assert urllib3.request("GET", f"{address}/multiflexi{BASE}/ping.json").status == 200
    for path in ("/job/", "/job"):
        answer = ask(address, "POST", path, json={"runtemplate_id": world.acme.template.pk})
        assert answer.status == 201
        assert answer.json()["job_id"] == answer.json()["id"]
    keyed = {"headers": {"Idempotency-Key": "k"}, "json": {"runtemplate_id": world.acme.template.pk}}
    assert ask(address, "POST", "/job/", **keyed).json() == ask(address, "POST", "/job/", **keyed).json()
    answer = ask(address, "GET", f"/artifact/{world.acme.ids['artifact']}", headers={"Range": "bytes=0-9"})
    assert (answer.status, answer.data) == (206, BINARY[:10])
    assert ask(address, "GET", f"/artifact/{world.acme.ids['artifact']}").data == BINARY
    assert ask(address, "GET", f"/credential/{world.acme.ids['credential']}.json?token=").status == 200
    assert ask(address, "GET", "/apps.foo").status == 404
    wrong = ask(address, "DELETE", "/apps.json")
    assert wrong.status == 405 and "GET" in wrong.headers["Allow"]
    token = ask(address, "GET", "/login.json").json()["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert ask(address, "GET", "/jobs.json", headers=bearer).status == 200
    assert ask(address, "POST", "/logout", headers=bearer).status == 200
    assert ask(address, "GET", "/jobs.json", headers=bearer).status == 401


@pytest.fixture
def client(address: str) -> multiflexi_client.ApiClient:
    configured = Configuration(host=f"{address}{BASE}", username="root", password=PASSWORD)
    return multiflexi_client.ApiClient(configured)


def test_every_operation_of_the_published_client(client: multiflexi_client.ApiClient, world: World, root: User) -> None:
    ids = world.acme.ids
    apps, companies, users = AppApi(client), CompanyApi(client), UserApi(client)
    jobs, templates, others, privacy = JobApi(client), RuntemplateApi(client), DefaultApi(client), GdprApi(client)

    assert [one.id for one in apps.list_apps("json")] == [ids["app"]]
    assert apps.get_app_by_id(ids["app"], "json").environment["ACCOUNT"].description == "Účet"
    assert [tag.name for tag in apps.get_app_by_id(ids["app"], "json").tags] == ["bank", "import"]
    assert apps.set_app_by_id(app_id=ids["app"]).id == ids["app"]
    assert {one.name for one in companies.list_companies("json", limit=5, offset=0, order="-id")} == {"ACME", "Globex"}
    assert companies.get_company_by_id(ids["company"], "json").code == "acme"
    assert companies.set_company_by_id(company_id=ids["company"]).id == ids["company"]
    assert "root" in {one.login for one in users.list_users("json")}
    assert users.get_user_by_id(root.pk, "json").login == "root"
    assert users.set_user_by_id(user_id=root.pk).id == root.pk

    found = jobs.listjobs("json", limit=100)
    assert len(found) == 2 * len(world.acme.jobs)
    ended = jobs.getjob_by_id(ids["job"], "json")
    assert ended.exitcode == 0 and ended.begin is not None and json.loads(ended.env)["ACCOUNT"] == "1"
    with pytest.raises(ApiException) as refused:
        jobs.setjob_by_id(job_id=ids["job"])
    assert refused.value.status == 400 and "Missing runtemplate_id" in refused.value.body

    assert len(templates.list_run_templates("json")) == 2
    number = ids["runtemplate"]
    assert templates.get_run_template_by_id(number, "json").active is True
    changed = templates.update_run_template_by_id(
        number, "json", UpdateRunTemplateByIdRequest(id=number, active=0, interv="d")
    )
    assert changed.active is False and changed.interv == "d"
    with pytest.raises(ApiException) as mismatch:
        templates.update_run_template_by_id(number, "json", UpdateRunTemplateByIdRequest(id=number + 1))
    assert mismatch.value.status == 400 and "ID mismatch" in mismatch.value.body
    assert templates.set_run_template_by_id(run_template_id=number).id == number

    others.get_api_index("json")
    others.ping_suffix_get("json")
    assert others.status_suffix_get("json").companies == 2
    others.login_suffix_post("root", PASSWORD, "json")
    others.login_suffix_get("root", PASSWORD, "json")
    with pytest.raises(UnauthorizedException):
        others.logout_post(multiflexi_client.LogoutPostRequest(token="nonsense"))

    # This client sends no credential with these, which were published without the need for one.
    for call in (
        lambda: others.get_jobs_status("json"),
        lambda: others.get_all_credential_types("json"),
        lambda: others.get_all_topics("json"),
        lambda: others.get_all_user_credentials("json"),
        lambda: others.get_credential("", ids["credential"], "json"),
        lambda: others.get_credential_type(ids["credential_type"], "json"),
        lambda: others.get_topic(ids["topic"], "json"),
        lambda: others.update_credential_type(ids["credential_type"], "json"),
        lambda: others.update_credentials("", ids["credential"], "json"),
        lambda: others.update_topic(ids["topic"], "json"),
    ):
        with pytest.raises(UnauthorizedException):
            call()

    # Exports of personal data are not there yet.
    for call in (
        lambda: privacy.request_data_export("status"),
        lambda: privacy.download_data_export("0" * 64),
        lambda: privacy.request_data_export_post(multiflexi_client.RequestDataExportPostRequest(action="status")),
    ):
        with pytest.raises(NotFoundException):
            call()
