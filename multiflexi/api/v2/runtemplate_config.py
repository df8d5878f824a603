"""Values and credentials of a run template."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from multiflexi.api.v2.frame.records import Plain
from multiflexi.api.v2.frame.values import TEXTS, Value, shown, texts
from multiflexi.api.v2.frame.views import View
from multiflexi.api.v2.named import NamedCredential
from multiflexi.models import ConfField, Configuration, RunTemplate
from multiflexi.services import credential, credential_assignment, run_template, run_template_config
from multiflexi.services.errors import NotFound
from multiflexi.vault.secrecy import named_like_a_secret


class Setting(Plain):
    """A variable that the application declares, or that has a value here."""

    name = serializers.CharField()
    type = serializers.CharField()
    label = serializers.CharField()
    description = serializers.CharField()
    required = serializers.BooleanField()
    secret = serializers.BooleanField()
    declared = serializers.BooleanField(help_text="Whether the application knows it")
    overridden = serializers.BooleanField(help_text="Whether an assigned credential provides it instead")
    default = Value(allow_null=True)
    value = Value(allow_null=True)


class Assignment(Plain):
    """A credential of the run template; of several the value at the last position counts."""

    credential = NamedCredential()
    position = serializers.IntegerField()


class AssignmentForm(Plain):
    """Where the credential goes; without a position behind the others."""

    position = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=32767)


class AssignedForm(Plain):
    """What an assignment did."""

    changed = serializers.BooleanField()
    position = serializers.IntegerField()
    replaced = serializers.ListField(child=serializers.IntegerField())
    resting = serializers.ListField(child=serializers.CharField())
    clashes = serializers.ListField(child=serializers.CharField())


class Config(View):
    """Stored values; null clears one, a secret's empty text is refused."""

    @extend_schema(operation_id="runtemplates_config_list", responses=Setting(many=True))
    def read(self, request: Request, id: int) -> Response:
        return Response(_settings(run_template.find(self.actor, id), self.language))

    @extend_schema(request={"application/json": TEXTS}, responses=Setting(many=True))
    def write(self, request: Request, id: int) -> Response:
        template = run_template.find(self.actor, id)
        given = texts(request.data)
        _refuse_empty_secrets(template, given)
        run_template.update(
            self.actor,
            template,
            config={name: one for name, one in given.items() if one is not None},
            clear=[name for name, one in given.items() if one is None],
        )
        return Response(_settings(run_template.find(self.actor, id), self.language))


class Credentials(View):
    """Credentials assigned to a run template."""

    @extend_schema(operation_id="runtemplates_credentials_list", responses=Assignment(many=True))
    def read(self, request: Request, id: int) -> Response:
        links = credential_assignment.query(self.actor, run_template.find(self.actor, id))
        return Response(Assignment(links, many=True).data)

    @extend_schema(request=AssignmentForm, responses=AssignedForm)
    def assign(self, request: Request, id: int, credential_id: int) -> Response:
        template, found = run_template.find(self.actor, id), credential.find(self.actor, credential_id)
        position = self.given(AssignmentForm).get("position") if request.data else None
        done = credential_assignment.assign(self.actor, template, found, position=position)
        return Response(AssignedForm(done).data)

    def unassign(self, request: Request, id: int, credential_id: int) -> Response:
        template, found = run_template.find(self.actor, id), credential.find(self.actor, credential_id)
        if not credential_assignment.unassign(self.actor, template, found):
            raise NotFound(f"Credential {found.pk} is not assigned to run template {template.pk}.", "not_assigned")
        return Response(status=204)


def _settings(template: RunTemplate, language: str) -> list[dict[str, Any]]:
    stored = {row.name: row for row in Configuration.objects.filter(runtemplate=template).order_by("name")}
    fields = ConfField.objects.filter(app_id=template.app_id, obsolete=False).order_by("position", "pk")
    rows = [_setting(one.keyname, one, stored.pop(one.keyname, None)) for one in fields]
    return rows + [_setting(name, None, row) for name, row in stored.items()]


def _setting(name: str, field: ConfField | None, row: Configuration | None) -> dict[str, Any]:
    secret = (field.is_secret if field else named_like_a_secret(name)) or bool(row and row.is_encrypted)
    return {
        "name": name,
        "type": field.type if field else "string",
        "label": (field.name if field else None) or name,
        "description": field.description if field else "",
        "required": bool(field and field.required),
        "secret": secret,
        "declared": field is not None,
        "overridden": bool(row and row.inactive),
        "default": shown(field.defval if field else None, secret=secret, opened=lambda: None),
        "value": shown(
            row.value if row else None, secret=secret, opened=lambda: run_template_config.plain(row) if row else None
        ),
    }


def _refuse_empty_secrets(template: RunTemplate, given: dict[str, str | None]) -> None:
    empty = [name for name in run_template_config.secrets_among(template, given) if given[name] == ""]
    if empty:
        raise serializers.ValidationError(dict.fromkeys(empty, _("A secret has no empty text; null clears it.")))


routes = (
    ("runtemplates/<int:id>/config", Config, {"get": "read", "patch": "write"}),
    ("runtemplates/<int:id>/credentials", Credentials, {"get": "read"}),
    (
        "runtemplates/<int:id>/credentials/<int:credential_id>",
        Credentials,
        {"put": "assign", "delete": "unassign"},
    ),
)
