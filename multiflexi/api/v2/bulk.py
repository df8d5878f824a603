"""The same change of many run templates, each for itself, or only tried."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from multiflexi.api.v2.frame.problems import status_of
from multiflexi.api.v2.frame.records import Plain
from multiflexi.api.v2.frame.repeating import repeatable
from multiflexi.api.v2.frame.values import Texts
from multiflexi.api.v2.frame.views import View
from multiflexi.models import Executor, RunTemplate
from multiflexi.record.actor import Actor
from multiflexi.services import run_template, run_template_run
from multiflexi.services.errors import ServiceError
from multiflexi.services.rights import need

MOST = 1000
Given = dict[str, Any]


class BulkForm(Plain):
    """What to do with which run templates; `config` is for reconfigure, the last three for execute."""

    action = serializers.ChoiceField(("reconfigure", "execute", "activate", "deactivate", "delete"))
    ids = serializers.ListField(child=serializers.IntegerField(min_value=1), allow_empty=False, max_length=MOST)
    dry_run = serializers.BooleanField(default=False)
    config = Texts(required=False, null=True)
    after = serializers.DateTimeField(required=False, allow_null=True)
    executor = serializers.ChoiceField(Executor.choices, required=False, allow_null=True)
    env = Texts(required=False)


class DoneForm(Plain):
    """What became of one of them."""

    id = serializers.IntegerField()
    ok = serializers.BooleanField()
    status = serializers.IntegerField()
    code = serializers.CharField(allow_null=True)
    detail = serializers.CharField(allow_null=True)
    job_id = serializers.IntegerField(allow_null=True)


class BulkDone(Plain):
    """What became of all of them; with `dry_run` nothing was stored."""

    action = serializers.CharField()
    dry_run = serializers.BooleanField()
    done = serializers.IntegerField()
    failed = serializers.IntegerField()
    results = DoneForm(many=True)


class Bulk(View):
    """Changes of many run templates."""

    rate_scopes: ClassVar = {"create": "bulk"}

    @extend_schema(request=BulkForm, responses={200: BulkDone})
    @repeatable
    def create(self, request: Request) -> Response:
        given = self.given(BulkForm)
        results = [self._done(number, given) for number in dict.fromkeys(given["ids"])]
        done = sum(1 for one in results if one["ok"])
        return Response(
            {
                "action": given["action"],
                "dry_run": given["dry_run"],
                "done": done,
                "failed": len(results) - done,
                "results": results,
            }
        )

    def _done(self, number: int, given: Given) -> dict[str, Any]:
        told: dict[str, Any] = {"id": number, "ok": True, "status": 200, "code": None, "detail": None, "job_id": None}
        try:
            with transaction.atomic():
                template = run_template.find(self.actor, number)
                job_id = ACTIONS[given["action"]](self.actor, template, given)
                transaction.set_rollback(given["dry_run"])
        except ServiceError as error:
            return told | {"ok": False, "status": status_of(error), "code": error.code, "detail": error.message}
        return told | {"job_id": None if given["dry_run"] else job_id}


def _reconfigure(actor: Actor, template: RunTemplate, given: Given) -> None:
    config = given.get("config") or {}
    run_template.update(
        actor,
        template,
        config={name: one for name, one in config.items() if one is not None},
        clear=[name for name, one in config.items() if one is None],
    )


def _execute(actor: Actor, template: RunTemplate, given: Given) -> int:
    need(actor, "jobs.execute", template.company_id)
    job = run_template_run.schedule(
        actor, template, after=given.get("after"), executor=given.get("executor"), overrides=given.get("env")
    )
    return job.pk


def _switch(active: bool) -> Callable[[Actor, RunTemplate, Given], None]:
    def change(actor: Actor, template: RunTemplate, _given: Given) -> None:
        run_template.update(actor, template, active=active)

    return change


def _delete(actor: Actor, template: RunTemplate, _given: Given) -> None:
    run_template.remove(actor, template)


ACTIONS: dict[str, Callable[[Actor, RunTemplate, Given], int | None]] = {
    "reconfigure": _reconfigure,
    "execute": _execute,
    "activate": _switch(active=True),
    "deactivate": _switch(active=False),
    "delete": _delete,
}

routes = (("runtemplates/bulk", Bulk, {"post": "create"}),)
