"""The provider for clusters."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from multiflexi.credentials.contract import Result
from tests.unit.credentials.samples import MARK, given
from tests.unit.credentials.standin import Reply, Request, Route, StandIn, authority, certified, running

pytestmark = pytest.mark.usefixtures("loopback")
REVIEWS = "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
TOKEN = f"{MARK}-kube"


def authorized(reply: Reply) -> Route:
    return lambda request: reply if request.headers.get("authorization") == f"Bearer {TOKEN}" else Reply(401)


def review(allowed: bool) -> Route:
    def answer(request: Request) -> Reply:
        asked = json.loads(request.body)["spec"]["resourceAttributes"]
        assert (asked["verb"], asked["group"], asked["resource"]) == ("create", "batch", "jobs")
        return Reply(201, {"status": {"allowed": allowed and asked["namespace"] == "jobs"}})

    return answer


READY: dict[str, Route] = {"GET /readyz": authorized(Reply(200, b"ok")), REVIEWS: review(True)}


def kubeconfig(url: str, user: Mapping[str, object], **cluster: object) -> str:
    ca = base64.b64encode(authority().encode()).decode()
    return yaml.safe_dump(
        {
            "current-context": "main",
            "contexts": [{"name": "main", "context": {"cluster": "c", "user": "u", "namespace": "jobs"}}],
            "clusters": [
                {"name": "c", "cluster": {"server": url, "certificate-authority-data": ca, **cluster}},
            ],
            "users": [{"name": "u", "user": dict(user)}],
        }
    )


@pytest.fixture
def checked(aimed):
    def check(routes: dict[str, Route], **values: str) -> Result:
        with running(StandIn(routes)) as standin:
            check.standin = standin
            of = given("Kubernetes", standin.port)
            changed = {"KUBE_NAMESPACE": "jobs", **{k: v.replace("{url}", standin.url) for k, v in values.items()}}
            return aimed("Kubernetes", standin.port).check(replace(of, values={**of.values, **changed}))

    return check


def test_ready_and_allowed(checked) -> None:
    result = checked(READY)
    assert (result.state, result.details) == ("available", {"namespace": "jobs"})


def test_the_authority_of_the_cluster_is_that_of_the_credential(aimed) -> None:
    with running(StandIn(READY)) as standin:
        of = given("Kubernetes", standin.port)
        own = replace(of, values={**of.values, "KUBE_NAMESPACE": "jobs", "KUBE_CA": authority()}, options={})
        assert aimed("Kubernetes", standin.port).check(own).state == "available"


def test_not_allowed(checked) -> None:
    result = checked(READY, KUBE_NAMESPACE="other")
    assert (result.state, "other" in result.message) == ("misconfigured", True)


def test_a_wrong_token(checked) -> None:
    assert checked(READY, KUBE_TOKEN="other").state == "misconfigured"


@pytest.mark.parametrize("path", ["GET /readyz", REVIEWS])
def test_not_ready(path: str, checked) -> None:
    assert checked({**READY, path: Reply(503)}).state == "unavailable"


def test_another_answer_to_the_review(checked) -> None:
    assert checked({**READY, REVIEWS: Reply(201, b"<html/>")}).state == "misconfigured"


def test_a_kubeconfig_with_token(checked) -> None:
    config = kubeconfig("{url}", {"token": TOKEN})
    assert checked(READY, KUBECONFIG_DATA=config, KUBE_NAMESPACE="").state == "available"


def test_a_kubeconfig_with_certificate(checked, monkeypatch) -> None:
    """Its key is on no disk at any time, where it would stay when the process is killed."""
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    now = datetime.now(UTC)
    certificate, key = certified("runner", now - timedelta(1), now + timedelta(1))
    data = {
        "client-certificate-data": base64.b64encode(certificate.public_bytes(Encoding.PEM)).decode(),
        "client-key-data": base64.b64encode(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        ).decode(),
    }
    routes = {**READY, "GET /readyz": Reply(200, b"ok")}
    assert checked(routes, KUBECONFIG_DATA=kubeconfig("{url}", data)).state == "available"
    broken = {**data, "client-key-data": base64.b64encode(MARK.encode()).decode()}
    assert checked(routes, KUBECONFIG_DATA=kubeconfig("{url}", broken)).state == "misconfigured"


@pytest.mark.parametrize(
    "config",
    [
        "{}",
        "[",
        f"{MARK}: [",
        kubeconfig("https://h", {"exec": {"command": "/bin/sh", "args": ["-c", "touch /tmp/pwned"]}}),
        kubeconfig("https://h", {"tokenFile": "/etc/hostname"}),
        kubeconfig("https://h", {"token": TOKEN}, **{"insecure-skip-tls-verify": True}),
        "!!python/object/apply:os.system ['true']",
        "x" * 300_000,
    ],
    ids=range(8),
)
def test_a_kubeconfig_that_is_not_used(config: str, checked) -> None:
    result = checked(READY, KUBECONFIG_DATA=config)
    assert result.state == "misconfigured"
    assert MARK not in result.message
    assert checked.standin.requests == []


def test_without_sign_in(checked) -> None:
    assert checked(READY, KUBE_TOKEN="").message == "Not set: KUBE_TOKEN."
