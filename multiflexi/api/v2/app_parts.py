"""Parts of the definition of an application."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from multiflexi.api.v2.frame import languages
from multiflexi.api.v2.frame.records import Plain
from multiflexi.api.v2.frame.values import Text, Value, shown
from multiflexi.models import AppArtifact, AppConsumes, AppExitCode, AppProduces, ConfField


class _Spoken(serializers.ModelSerializer[Any]):
    """Replaces texts by those of the caller's language."""

    spoken: ClassVar[tuple[str, ...]] = ()

    def to_representation(self, part: Any) -> Any:
        told = super().to_representation(part)
        for name in self.spoken:
            language = self.context.get("language", languages.MAIN)
            told[name] = languages.text(told.get(name), part.translations.all(), name, language)
        return told


class Declared(_Spoken):
    """A variable that the application declares; the default of a secret is not shown."""

    spoken = ("name", "description", "hint")
    name = Text(read_only=True, allow_null=True)
    description = Text(read_only=True)
    hint = Text(read_only=True)
    secret = serializers.BooleanField(source="is_secret", read_only=True)
    default = serializers.SerializerMethodField()
    options = serializers.JSONField(read_only=True)

    class Meta:
        model = ConfField
        fields: ClassVar = (
            "keyname",
            "type",
            "category",
            "name",
            "description",
            "hint",
            "required",
            "secret",
            "multiline",
            "expiring",
            "options",
            "default",
        )

    @extend_schema_field(Value(allow_null=True))
    def get_default(self, field: ConfField) -> Any:
        return shown(field.defval, secret=field.is_secret, opened=lambda: None)


class ExitCodes(_Spoken):
    """What an exit code means."""

    description = serializers.SerializerMethodField()

    class Meta:
        model = AppExitCode
        fields: ClassVar = ("exit_code", "severity", "retry", "description")

    @extend_schema_field(Text(allow_null=True))
    def get_description(self, code: AppExitCode) -> Any:
        texts = list(code.translations.all())
        main = next((one.description for one in texts if one.lang == languages.MAIN), None)
        main = main or (texts[0].description if texts else None)
        return languages.text(main, texts, "description", self.context.get("language", languages.MAIN))


class Produced(serializers.ModelSerializer[Any]):
    """A named output for other applications."""

    class Meta:
        model = AppProduces
        fields: ClassVar = ("name", "format", "description", "patterns", "fields")


class Consumed(serializers.ModelSerializer[Any]):
    """A named input from other applications."""

    class Meta:
        model = AppConsumes
        fields: ClassVar = ("name", "format", "description", "required", "target_env_key", "fields")


class Artifacts(_Spoken):
    """A file the application promises; `path` is a regular expression on base names."""

    name = serializers.SerializerMethodField()
    description = serializers.SerializerMethodField()

    class Meta:
        model = AppArtifact
        fields: ClassVar = ("id", "path", "type", "name", "description")

    @extend_schema_field(Text(allow_null=True))
    def get_name(self, part: AppArtifact) -> Any:
        return self._text(part, "name")

    @extend_schema_field(Text(allow_null=True))
    def get_description(self, part: AppArtifact) -> Any:
        return self._text(part, "description")

    def _text(self, part: AppArtifact, name: str) -> Any:
        texts = list(part.translations.all())
        main = next((getattr(one, name) for one in texts if one.lang == languages.MAIN), None)
        return languages.text(main, texts, name, self.context.get("language", languages.MAIN))


class Imported(Plain):
    """What an import did."""

    file = serializers.CharField()
    kind = serializers.CharField()
    result = serializers.ChoiceField(("created", "updated", "unchanged", "rejected"))
    id = serializers.IntegerField(allow_null=True)
    changes = serializers.ListField(child=serializers.DictField())
    warnings = serializers.ListField(child=serializers.DictField())
    errors = serializers.ListField(child=serializers.DictField())
    incomplete = serializers.ListField(child=serializers.DictField())
    dry_run = serializers.BooleanField()


class Validated(Plain):
    """Whether a definition obeys the schema."""

    valid = serializers.BooleanField()
    schema_version = serializers.CharField()
    findings = serializers.ListField(child=serializers.DictField())
