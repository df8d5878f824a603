"""Related records as `expand=` shows them."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from multiflexi.models import Application, Company, Credential, CredentialType, RunTemplate, Task


class NamedApp(serializers.ModelSerializer[Any]):
    """An application in short."""

    class Meta:
        model = Application
        fields: ClassVar = ("id", "uuid", "code", "name")


class NamedCompany(serializers.ModelSerializer[Any]):
    """A company in short."""

    class Meta:
        model = Company
        fields: ClassVar = ("id", "slug", "name")


class NamedRunTemplate(serializers.ModelSerializer[Any]):
    """A run template in short."""

    class Meta:
        model = RunTemplate
        fields: ClassVar = ("id", "name", "active")


class NamedCredentialType(serializers.ModelSerializer[Any]):
    """A credential type in short."""

    class Meta:
        model = CredentialType
        fields: ClassVar = ("id", "name", "prototype")


class NamedCredential(serializers.ModelSerializer[Any]):
    """A credential in short."""

    class Meta:
        model = Credential
        fields: ClassVar = ("id", "name", "availability")


class NamedTask(serializers.ModelSerializer[Any]):
    """A task in short."""

    class Meta:
        model = Task
        fields: ClassVar = ("id", "window_start", "window_end", "state")
