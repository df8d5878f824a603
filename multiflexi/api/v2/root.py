"""The way in: discovery, own profile, status and probes."""

from __future__ import annotations

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from multiflexi.api.v2.frame.views import View


class Unknown(View):
    """Every address that there is not."""

    schema = None
    authentication_classes = ()
    permission_classes = ()

    def nothing(self, request: Request) -> Response:
        raise Http404
