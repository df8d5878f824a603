"""The shipped definitions become prototypes."""

from __future__ import annotations

import pytest

from multiflexi import manifests
from multiflexi.credentials import registry, shipped
from multiflexi.manifests.reports import Result
from multiflexi.models import CredentialPrototype, User
from multiflexi.record.actor import Actor
from multiflexi.vault import keyring


@pytest.fixture(autouse=True)
def keys(db: None) -> None:
    keyring.ensure_keys()


def imported(root: User) -> list[manifests.ImportReport]:
    actor = Actor(root.pk, "cli")
    return [manifests.import_prototype(one.data, one.origin, actor=actor, strict=True) for one in shipped.definitions()]


def test_all_are_imported_without_any_finding_and_again_nothing_changes(root: User) -> None:
    reports = imported(root)
    assert [(report.result, report.errors, report.warnings) for report in reports] == [(Result.CREATED, [], [])] * len(
        registry.names()
    )
    assert {report.result for report in imported(root)} == {Result.UNCHANGED}


def test_secrets_files_and_both_languages_arrive(root: User) -> None:
    imported(root)
    fio = CredentialPrototype.objects.get(code="FioBank")
    assert str(fio.uuid) == "f79aaa38-2eaf-453a-beee-3a2afa1221d5"
    token = fio.fields.get(keyword="FIO_TOKEN")
    assert (token.secret, token.required, token.expiring) == (True, True, True)
    certificate = CredentialPrototype.objects.get(code="RaiffeisenBank").fields.get(keyword="CERT_FILE")
    assert certificate.type == "file-path"
    assert set(fio.translations.values_list("lang", flat=True)) >= {"cs"}
    config = CredentialPrototype.objects.get(code="Kubernetes").fields.get(keyword="KUBECONFIG_DATA")
    assert (config.type, config.secret) == ("text", True)
