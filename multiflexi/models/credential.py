"""Credentials in three tiers: prototype (what kind), type (that kind in a company), credential (the values)."""

from __future__ import annotations

import uuid as uuid_module
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from multiflexi.models.application import FieldType
from multiflexi.models.base import ColouredChoices, JSONTextField, TenantModel, Timestamped, one_of
from multiflexi.models.company import Company


class CredentialPrototype(Timestamped):
    """A kind of credential; `code` is the word applications require it by."""

    uuid = models.UUIDField(unique=True)
    uuid_source = models.CharField(max_length=255, null=True, blank=True)
    code = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=255)
    description = models.TextField(default="", blank=True)
    version = models.CharField(max_length=20, default="", blank=True)
    url = models.CharField(max_length=255, default="", blank=True)
    homepage = models.CharField(max_length=255, default="", blank=True)
    tags = models.JSONField(default=list, blank=True)
    logo = models.TextField(default="", blank=True)
    manifest = JSONTextField(null=True, blank=True)
    provider = models.CharField(max_length=64, null=True, blank=True)

    class Meta:
        db_table = "credential_prototype"

    def __str__(self) -> str:
        return self.code


class CredentialPrototypeField(models.Model):
    """A variable that credentials of this kind provide."""

    credential_prototype = models.ForeignKey(CredentialPrototype, on_delete=models.CASCADE, related_name="fields")
    keyword = models.CharField(max_length=128)
    type = models.CharField(max_length=32, choices=FieldType.choices, default=FieldType.STRING)
    name = models.CharField(max_length=255, null=True, blank=True)
    description = models.TextField(default="", blank=True)
    hint = models.TextField(default="", blank=True)
    default_value = models.TextField(null=True, blank=True)
    required = models.BooleanField(default=False)
    options = JSONTextField(null=True, blank=True)
    secret = models.BooleanField(default=False)
    expiring = models.BooleanField(default=False)
    obsolete = models.BooleanField(default=False)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "credential_prototype_field"
        constraints = (
            models.UniqueConstraint(
                fields=("credential_prototype", "keyword"), name="credential_prototype_field_keyword"
            ),
            one_of("type", FieldType.values, "credential_prototype_field"),
        )

    def __str__(self) -> str:
        return self.keyword


class CredentialPrototypeTranslation(models.Model):
    """Texts of a prototype in one language."""

    credential_prototype = models.ForeignKey(CredentialPrototype, on_delete=models.CASCADE, related_name="translations")
    lang = models.CharField(max_length=10)
    name = models.CharField(max_length=255, null=True, blank=True)
    description = models.TextField(null=True, blank=True)

    class Meta:
        db_table = "credential_prototype_translations"
        constraints = (
            models.UniqueConstraint(
                fields=("credential_prototype", "lang"), name="credential_prototype_translations_lang"
            ),
        )

    def __str__(self) -> str:
        return self.name or self.lang


class CredentialPrototypeFieldTranslation(models.Model):
    """Texts of a prototype's field in one language."""

    credential_prototype_field = models.ForeignKey(
        CredentialPrototypeField, on_delete=models.CASCADE, related_name="translations"
    )
    lang = models.CharField(max_length=10)
    name = models.CharField(max_length=255, null=True, blank=True)
    description = models.TextField(null=True, blank=True)
    hint = models.TextField(null=True, blank=True)

    class Meta:
        db_table = "credential_prototype_field_translations"
        constraints = (
            models.UniqueConstraint(
                fields=("credential_prototype_field", "lang"), name="credential_prototype_field_tr_lang"
            ),
        )

    def __str__(self) -> str:
        return self.name or self.lang


class CredentialType(TenantModel, Timestamped):
    """A kind of credential set up for one company; without company it serves all of them."""

    name = models.CharField(max_length=255)
    url = models.CharField(max_length=255, default="", blank=True)
    logo = models.TextField(default="", blank=True)
    uuid = models.UUIDField(unique=True, default=uuid_module.uuid4)
    definition_uuid = models.CharField(max_length=40, null=True, blank=True)
    prototype = models.CharField(max_length=255, default="", blank=True)
    credential_prototype = models.ForeignKey(
        CredentialPrototype, on_delete=models.PROTECT, null=True, blank=True, related_name="types"
    )
    company = models.ForeignKey(
        Company, on_delete=models.CASCADE, null=True, blank=True, related_name="credential_types"
    )
    gate_on_degraded = models.BooleanField(default=False)
    version = models.CharField(max_length=20, default="", blank=True)
    manifest = JSONTextField(null=True, blank=True)

    class Meta:
        db_table = "credential_type"
        constraints = (
            models.UniqueConstraint(fields=("company", "definition_uuid"), name="credential_type_definition"),
        )

    def __str__(self) -> str:
        return self.name


class CredentialTypeTranslation(TenantModel):
    """Texts of a credential type in one language."""

    company_path: ClassVar[str] = "credential_type__company_id"

    credential_type = models.ForeignKey(CredentialType, on_delete=models.CASCADE, related_name="translations")
    lang = models.CharField(max_length=10)
    name = models.CharField(max_length=255, null=True, blank=True)
    description = models.TextField(null=True, blank=True)

    class Meta:
        db_table = "credential_type_translations"
        constraints = (
            models.UniqueConstraint(fields=("credential_type", "lang"), name="credential_type_translations_lang"),
        )

    def __str__(self) -> str:
        return self.name or self.lang


class CredentialTypeField(TenantModel):
    """A field that a credential type adds to, or changes of, its prototype."""

    company_path: ClassVar[str] = "credential_type__company_id"

    credential_type = models.ForeignKey(CredentialType, on_delete=models.CASCADE, related_name="fields")
    keyname = models.CharField(max_length=128)
    type = models.CharField(max_length=32, choices=FieldType.choices, default=FieldType.STRING)
    description = models.TextField(default="", blank=True)
    hint = models.TextField(default="", blank=True)
    defval = models.TextField(null=True, blank=True)
    required = models.BooleanField(default=False)
    secret = models.BooleanField(default=False)
    options = JSONTextField(null=True, blank=True)
    position = models.PositiveIntegerField(default=0)
    helper = models.CharField(max_length=255, null=True, blank=True)

    class Meta:
        db_table = "crtypefield"
        constraints = (
            models.UniqueConstraint(fields=("credential_type", "keyname"), name="crtypefield_keyname"),
            one_of("type", FieldType.values, "crtypefield"),
        )

    def __str__(self) -> str:
        return self.keyname


class CredentialTypeFieldTranslation(TenantModel):
    """Texts of a credential type's field in one language."""

    company_path: ClassVar[str] = "crtypefield__credential_type__company_id"

    crtypefield = models.ForeignKey(CredentialTypeField, on_delete=models.CASCADE, related_name="translations")
    lang = models.CharField(max_length=10)
    name = models.CharField(max_length=255, null=True, blank=True)
    description = models.TextField(null=True, blank=True)
    hint = models.TextField(null=True, blank=True)

    class Meta:
        db_table = "credential_type_field_translations"
        constraints = (
            models.UniqueConstraint(fields=("crtypefield", "lang"), name="credential_type_field_translations_lang"),
        )

    def __str__(self) -> str:
        return self.name or self.lang


class TypeValueKind(models.TextChoices):
    """Role of a value kept on a credential type."""

    INTERNAL = "internal", _("Internal setting")
    DEFAULT = "default", _("Default")
    FIXED = "fixed", _("Fixed value")


class CredentialTypeValue(TenantModel):
    """An internal setting of a credential type, or a default or fixed value of a field it provides."""

    company_path: ClassVar[str] = "credential_type__company_id"

    credential_type = models.ForeignKey(CredentialType, on_delete=models.CASCADE, related_name="values")
    name = models.CharField(max_length=190)
    value = models.TextField(null=True, blank=True)
    type = models.CharField(max_length=32, choices=FieldType.choices, default=FieldType.STRING)
    kind = models.CharField(max_length=8, choices=TypeValueKind.choices, default=TypeValueKind.INTERNAL)
    is_encrypted = models.BooleanField(default=False)

    class Meta:
        db_table = "credtypedata"
        constraints = (
            models.UniqueConstraint(fields=("credential_type", "name"), name="credtypedata_name"),
            one_of("kind", TypeValueKind.values, "credtypedata"),
        )

    def __str__(self) -> str:
        return self.name


class Availability(ColouredChoices):
    """Outcome of a credential's last live check."""

    AVAILABLE = "available", "success", _("Available")
    DEGRADED = "degraded", "warning", _("Degraded")
    UNAVAILABLE = "unavailable", "danger", _("Unavailable")
    MISCONFIGURED = "misconfigured", "danger", _("Misconfigured")
    UNKNOWN = "unknown", "secondary", _("Unknown")


class Credential(TenantModel, Timestamped):
    """A named set of values of one credential type."""

    name = models.CharField(max_length=255)
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="credentials")
    credential_type = models.ForeignKey(CredentialType, on_delete=models.PROTECT, related_name="credentials")
    version = models.PositiveIntegerField(default=1)
    availability = models.CharField(
        max_length=16, choices=Availability.choices, default=Availability.UNKNOWN, db_index=True
    )
    availability_message = models.TextField(null=True, blank=True)
    availability_details = models.JSONField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    check_valid_until = models.DateTimeField(null=True, blank=True)
    check_failures = models.PositiveIntegerField(default=0)
    checking_by = models.CharField(max_length=32, null=True, blank=True)
    checking_until = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(null=True, blank=True)

    class Meta:
        db_table = "credentials"
        constraints = (one_of("availability", Availability.values, "credentials"),)

    def __str__(self) -> str:
        return self.name


class CredentialValue(TenantModel):
    """The value of one field of a credential; a secret one is an envelope."""

    company_path: ClassVar[str] = "credential__company_id"

    credential = models.ForeignKey(Credential, on_delete=models.CASCADE, related_name="values")
    name = models.CharField(max_length=190)
    value = models.TextField(null=True, blank=True)
    type = models.CharField(max_length=32, choices=FieldType.choices, default=FieldType.STRING)
    is_encrypted = models.BooleanField(default=False)
    key = models.ForeignKey(
        "EncryptionKey", on_delete=models.PROTECT, null=True, blank=True, related_name="credential_values"
    )
    expires_at = models.DateTimeField(null=True, blank=True, db_index=True)
    updated_by = models.ForeignKey(
        "User", on_delete=models.SET_NULL, null=True, blank=True, db_column="updated_by", related_name="+"
    )
    updated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "credata"
        constraints = (models.UniqueConstraint(fields=("credential", "name"), name="credata_name"),)

    def __str__(self) -> str:
        return self.name


class KeptFile(TenantModel):
    """A small file that runs with one client of a service hand on to each other; `owner` is a digest of the client."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="kept_files")
    variable = models.CharField(max_length=64)
    owner = models.CharField(max_length=64)
    content = models.TextField(default="", blank=True)
    is_encrypted = models.BooleanField(default=False)
    updated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "kept_file"
        constraints = (models.UniqueConstraint(fields=("company", "variable", "owner"), name="kept_file_owner"),)

    def __str__(self) -> str:
        return self.variable
