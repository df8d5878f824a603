"""Applications: what can be run, as imported from definition files."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from multiflexi.models.base import ColouredChoices, JSONTextField, Timestamped, one_of


class FieldType(models.TextChoices):
    """Types of a configuration field; `password` and `secret` are sensitive, `text` is multi-line."""

    STRING = "string", _("Text")
    FILE_PATH = "file-path", _("File")
    EMAIL = "email", _("E-mail")
    URL = "url", _("URL")
    INTEGER = "integer", _("Whole number")
    FLOAT = "float", _("Number")
    BOOL = "bool", _("Yes or no")
    PASSWORD = "password", _("Password")
    SECRET = "secret", _("Secret")
    SET = "set", _("Choice")
    TEXT = "text", _("Long text")


SENSITIVE_TYPES = (FieldType.PASSWORD, FieldType.SECRET)


class FieldCategory(models.TextChoices):
    """Grouping of fields in forms."""

    NONE = "", _("Ungrouped")
    API = "API", _("API")
    DATABASE = "Database", _("Database")
    BEHAVIOR = "Behavior", _("Behaviour")
    SECURITY = "Security", _("Security")
    OTHER = "Other", _("Other")


class Sandbox(models.TextChoices):
    """Walls around a native job."""

    NONE = "none", _("None")
    RESTRICTED = "restricted", _("Restricted")
    ISOLATED = "isolated", _("Isolated")


class BoolStyle(models.TextChoices):
    """How a boolean is rendered for the process."""

    WORDS = "true/false", "true/false"
    DIGITS = "1/0", "1/0"
    EMPTY = "1/empty", _("1 or empty")


class Severity(ColouredChoices):
    """Weight of a documented exit code."""

    SUCCESS = "success", "success", _("Success")
    INFO = "info", "info", _("Information")
    WARNING = "warning", "warning", _("Warning")
    ERROR = "error", "danger", _("Error")
    CRITICAL = "critical", "danger", _("Critical")


class Application(Timestamped):
    """An installable application; its identity across imports is the uuid."""

    uuid = models.UUIDField(unique=True)
    uuid_source = models.CharField(max_length=255, null=True, blank=True)
    code = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=255)
    title = models.CharField(max_length=255, null=True, blank=True)
    description = models.TextField(default="", blank=True)
    enabled = models.BooleanField(default=True)
    image = models.TextField(default="", blank=True)
    executable = models.CharField(max_length=255)
    cmdparams = models.TextField(default="", blank=True)
    setup = models.TextField(default="", blank=True)
    deploy = models.TextField(default="", blank=True)
    homepage = models.CharField(max_length=255, default="", blank=True)
    requirements = models.JSONField(default=list, blank=True)
    ociimage = models.CharField(max_length=255, default="", blank=True)
    version = models.CharField(max_length=255, default="", blank=True)
    tags = models.JSONField(default=list, blank=True)
    resultfile = models.CharField(max_length=255, default="", blank=True)
    deffile = models.TextField(null=True, blank=True)
    manifest = JSONTextField(null=True, blank=True)
    kubernetes = models.JSONField(null=True, blank=True)
    time_limit = models.PositiveIntegerField(null=True, blank=True)
    memory_limit_mb = models.PositiveIntegerField(null=True, blank=True)
    pids_limit = models.PositiveIntegerField(null=True, blank=True)
    file_limit_mb = models.PositiveIntegerField(null=True, blank=True)
    output_limit_mb = models.PositiveIntegerField(null=True, blank=True)
    cpu_limit = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    sandbox = models.CharField(max_length=12, choices=Sandbox.choices, default=Sandbox.NONE)
    container_options = models.JSONField(null=True, blank=True)
    bool_style = models.CharField(max_length=12, choices=BoolStyle.choices, default=BoolStyle.WORDS)
    allow_secret_arguments = models.BooleanField(default=False)
    result_paths = models.JSONField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "apps"
        constraints = (
            one_of("sandbox", Sandbox.values, "apps"),
            one_of("bool_style", BoolStyle.values, "apps"),
        )

    def __str__(self) -> str:
        return self.name


class ApplicationTranslation(models.Model):
    """Texts of an application in one language."""

    app = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="translations")
    lang = models.CharField(max_length=10)
    name = models.CharField(max_length=255, null=True, blank=True)
    title = models.CharField(max_length=255, null=True, blank=True)
    description = models.TextField(null=True, blank=True)

    class Meta:
        db_table = "app_translations"
        constraints = (models.UniqueConstraint(fields=("app", "lang"), name="app_translations_lang"),)

    def __str__(self) -> str:
        return self.name or self.lang


class ConfField(models.Model):
    """A variable the application declares."""

    app = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="fields")
    keyname = models.CharField(max_length=128)
    type = models.CharField(max_length=32, choices=FieldType.choices, default=FieldType.STRING)
    category = models.CharField(max_length=32, choices=FieldCategory.choices, default=FieldCategory.NONE, blank=True)
    name = models.CharField(max_length=255, null=True, blank=True)
    description = models.TextField(default="", blank=True)
    hint = models.TextField(default="", blank=True)
    note = models.TextField(default="", blank=True)
    defval = models.TextField(null=True, blank=True)
    required = models.BooleanField(default=False)
    secret = models.BooleanField(default=False)
    secret_override = models.BooleanField(null=True, blank=True)
    multiline = models.BooleanField(default=False)
    expiring = models.BooleanField(default=False)
    options = JSONTextField(null=True, blank=True)
    position = models.PositiveIntegerField(default=0)
    obsolete = models.BooleanField(default=False)

    class Meta:
        db_table = "conffield"
        constraints = (
            models.UniqueConstraint(fields=("app", "keyname"), name="conffield_keyname"),
            one_of("type", FieldType.values, "conffield"),
        )

    def __str__(self) -> str:
        return self.keyname

    @property
    def is_secret(self) -> bool:
        """Whether values are sealed and masked: always by type, else as an administrator or the definition says."""
        if self.type in SENSITIVE_TYPES:
            return True
        return self.secret if self.secret_override is None else self.secret_override


class ConfFieldTranslation(models.Model):
    """Texts of a field in one language."""

    conffield = models.ForeignKey(ConfField, on_delete=models.CASCADE, related_name="translations")
    lang = models.CharField(max_length=10)
    name = models.CharField(max_length=255, null=True, blank=True)
    description = models.TextField(null=True, blank=True)
    hint = models.TextField(null=True, blank=True)

    class Meta:
        db_table = "conffield_translations"
        constraints = (models.UniqueConstraint(fields=("conffield", "lang"), name="conffield_translations_lang"),)

    def __str__(self) -> str:
        return self.name or self.lang


class AppArtifact(models.Model):
    """A file the application promises to produce; `path` is a regular expression on base names."""

    app = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="artifact_definitions")
    path = models.CharField(max_length=512)
    type = models.CharField(max_length=128, default="file")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "app_artifacts"

    def __str__(self) -> str:
        return self.path


class AppArtifactTranslation(models.Model):
    """Texts of a promised file in one language."""

    app_artifact = models.ForeignKey(AppArtifact, on_delete=models.CASCADE, related_name="translations")
    lang = models.CharField(max_length=10)
    name = models.CharField(max_length=255, null=True, blank=True)
    description = models.TextField(null=True, blank=True)

    class Meta:
        db_table = "app_artifact_translations"
        constraints = (models.UniqueConstraint(fields=("app_artifact", "lang"), name="app_artifact_translations_lang"),)

    def __str__(self) -> str:
        return self.name or self.lang


class AppExitCode(Timestamped):
    """A documented exit code; `retry` null means that the definition has no opinion."""

    app = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="exit_codes")
    exit_code = models.IntegerField()
    severity = models.CharField(max_length=20, choices=Severity.choices, default=Severity.ERROR)
    retry = models.BooleanField(null=True, blank=True)

    class Meta:
        db_table = "app_exit_codes"
        constraints = (models.UniqueConstraint(fields=("app", "exit_code"), name="app_exit_codes_code"),)

    def __str__(self) -> str:
        return str(self.exit_code)


class AppExitCodeTranslation(models.Model):
    """Meaning of an exit code in one language."""

    app_exit_code = models.ForeignKey(AppExitCode, on_delete=models.CASCADE, related_name="translations")
    lang = models.CharField(max_length=10)
    description = models.TextField()

    class Meta:
        db_table = "app_exit_code_translations"
        constraints = (
            models.UniqueConstraint(fields=("app_exit_code", "lang"), name="app_exit_code_translations_lang"),
        )

    def __str__(self) -> str:
        return self.description


class DataFormat(models.TextChoices):
    """Format of data handed from one application to another."""

    FILE = "file", _("File")
    JSON = "json", "JSON"
    TEXT = "text", _("Text")
    URL = "url", "URL"
    CUSTOM = "custom", _("Custom")


class AppProduces(models.Model):
    """A named output for chaining."""

    app = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="produces")
    name = models.CharField(max_length=128)
    format = models.CharField(max_length=32, choices=DataFormat.choices, default=DataFormat.JSON)
    description = models.JSONField(null=True, blank=True)
    patterns = models.JSONField(null=True, blank=True)
    fields = models.JSONField(null=True, blank=True)

    class Meta:
        db_table = "app_produces"
        constraints = (models.UniqueConstraint(fields=("app", "name"), name="app_produces_name"),)

    def __str__(self) -> str:
        return self.name


class AppConsumes(models.Model):
    """A named input for chaining."""

    app = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="consumes")
    name = models.CharField(max_length=128)
    format = models.CharField(max_length=32, choices=DataFormat.choices, default=DataFormat.JSON)
    description = models.JSONField(null=True, blank=True)
    required = models.BooleanField(default=True)
    target_env_key = models.CharField(max_length=128, null=True, blank=True)
    fields = models.JSONField(null=True, blank=True)

    class Meta:
        db_table = "app_consumes"
        constraints = (models.UniqueConstraint(fields=("app", "name"), name="app_consumes_name"),)

    def __str__(self) -> str:
        return self.name
