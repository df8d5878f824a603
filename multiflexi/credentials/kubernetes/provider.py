"""Kubernetes: is the API ready, and may this account create jobs in the namespace?"""

from __future__ import annotations

import ssl
from dataclasses import replace
from http import HTTPStatus

from django.utils.translation import gettext as _

from multiflexi.credentials import classify, tls, web
from multiflexi.credentials.base import ShippedProvider
from multiflexi.credentials.contract import Given, Result
from multiflexi.credentials.kubernetes.access import Access, from_kubeconfig
from multiflexi.credentials.network import Network
from multiflexi.credentials.verdicts import available, misconfigured, require
from multiflexi.models import Availability

API, TOKEN, AUTHORITY, CONFIG, NAMESPACE = (
    "KUBE_API_SERVER",
    "KUBE_TOKEN",
    "KUBE_CA",
    "KUBECONFIG_DATA",
    "KUBE_NAMESPACE",
)
_REVIEWS = "apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class Kubernetes(ShippedProvider):
    """The access review is a question; nothing is created by it."""

    code = "Kubernetes"

    def probe(self, given: Given, network: Network) -> Result:
        access = _access(given)
        trust = _trust(given, access)
        server = web.url(given, API, access.server)
        headers = {"Authorization": f"Bearer {access.token}"} if access.token else {}
        ready = classify.answer(web.ask(network, given, "GET", server.below("readyz"), headers=headers, trust=trust))
        if ready.state is not Availability.AVAILABLE:
            return ready
        namespace = given.text(NAMESPACE) or access.namespace or "default"
        kind, body = web.as_json(_question(namespace))
        answer = web.ask(
            network, given, "POST", server.below(_REVIEWS), headers={**kind, **headers}, body=body, trust=trust
        )
        found = classify.answer(answer)
        if found.state is not Availability.AVAILABLE:
            return found
        document = answer.json()
        status = document.get("status") if isinstance(document, dict) else None
        if not isinstance(status, dict) or status.get("allowed") is not True:
            raise misconfigured(
                _("The cluster answers, but this account must not create jobs in the namespace %(namespace)s.")
                % {"namespace": namespace},
                {"namespace": namespace, "status": HTTPStatus.OK.value},
            )
        return available(
            _("The cluster is ready, and jobs may be created in the namespace %(namespace)s.")
            % {"namespace": namespace},
            details={"namespace": namespace},
        )


def _access(given: Given) -> Access:
    text = given.values.get(CONFIG, "")
    if text.strip():
        return from_kubeconfig(text, CONFIG)
    server, token = require(given, API, TOKEN)
    return Access(server=server, token=token, authority=given.text(AUTHORITY))


def _trust(given: Given, access: Access) -> ssl.SSLContext:
    """The authority of the cluster instead of that of the type, and the account's certificate if it has one."""
    if access.authority:
        given = replace(given, options={**given.options, "authority": access.authority})
    trust = tls.context(given)
    if access.certificate and not tls.identify(trust, access.certificate, access.key):
        raise misconfigured(_("%(name)s holds a client certificate or key that cannot be read.") % {"name": CONFIG})
    return trust


def _question(namespace: str) -> dict[str, object]:
    wanted = {"namespace": namespace, "verb": "create", "group": "batch", "resource": "jobs"}
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": wanted},
    }
