"""Figures for Prometheus, for who configures the installation or asks from a listed address."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from multiflexi.api.v2.frame.views import View
from multiflexi.http.proxies import client_address
from multiflexi.services import metrics
from multiflexi.services.addresses import Ranges, parsed
from multiflexi.services.rights import need

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics(View):
    """The text format of Prometheus."""

    permission_classes = (AllowAny,)

    @extend_schema(responses={(200, "text/plain"): OpenApiTypes.STR})
    def read(self, request: Request) -> HttpResponse:
        if not _is_listed(client_address(request)):
            if not request.user.is_authenticated:
                raise NotAuthenticated
            need(self.actor, "system.config")
        return HttpResponse(metrics.text(), content_type=CONTENT_TYPE)


def _is_listed(address: str) -> bool:
    networks = settings.MULTIFLEXI_METRICS_NETWORKS
    return Ranges((one, None) for one in networks).has(parsed(address), timezone.now())


routes = (("metrics", Metrics, {"get": "read"}),)
