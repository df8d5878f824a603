"""The legacy surface over real HTTP: served by gunicorn, asked by the published client."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator

import multiflexi_client
import pytest
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
from multiflexi_client.exceptions import ApiException, ForbiddenException, UnauthorizedException

from multiflexi.models import Company, User
from tests.contract.legacy.world import BASE, World, build

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

    made = privacy.request_data_export("export").actual_instance
    told = privacy.download_data_export(made.download_url.partition("token=")[2])
    assert told.user_profile.username == "root"
    told = privacy.request_data_export_post(multiflexi_client.RequestDataExportPostRequest(action="status"))
    assert "json" in told.actual_instance.exports[0].message
    with pytest.raises(ForbiddenException):
        privacy.download_data_export("0" * 64)
