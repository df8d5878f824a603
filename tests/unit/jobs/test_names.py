"""Names: what the installation's file gives to jobs, and which names change how programs load."""

import pytest

from multiflexi.jobs import names


@pytest.mark.parametrize(
    "name",
    [
        "DB_PASSWORD",
        "DB_HOST",
        "ENCRYPTION_MASTER_KEY",
        "MULTIFLEXI_TMP",
        "DJANGO_SETTINGS_MODULE",
        "X_MASTER_KEY",
        "SECRET_KEY",
        "ZABBIX_PSK_IDENTITY",
        "OTEL_EXPORTER_OTLP_HEADERS",
        "EMAIL_HOST_PASSWORD",
        "SMTP_HOST",
        "BROKER_URL",
        "AMQP_URL",
        "CACHE_URL",
        "FIO_TOKEN",
        "MY_API_KEY",
        "SENTRY_DSN",
        "ZABBIX_API_TOKEN",
        "DB_SETTINGS",
        "LD_PRELOAD",
        "PYTHONPATH",
        "PATH",
        "HOME",
        "ENV",
        "MINE_OWN",
        "multiflexi_tmp",
    ],
)
def test_never_given_to_jobs(name):
    assert names.for_jobs({name: "x", "COMPANY_COLOUR": "red"}, ["MINE_*"]) == {"COMPANY_COLOUR": "red"}


def test_addresses_with_a_password_are_kept_from_jobs():
    given = {"HTTP_PROXY": "http://joe:hush@proxy:3128", "HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "a@b:c"}
    assert names.for_jobs(given, ()) == {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "a@b:c"}


@pytest.mark.parametrize(
    "name", ["LD_PRELOAD", "DYLD_INSERT_LIBRARIES", "PYTHONPATH", "BASH_ENV", "PATH", "KUBECONFIG"]
)
def test_names_that_change_loading(name):
    assert names.changes_loading(name)


@pytest.mark.parametrize("name", ["LANG", "TZ", "ENVIRONMENT", "MY_PATH", "OLD_LD_X"])
def test_ordinary_names(name):
    assert not names.changes_loading(name)


@pytest.mark.parametrize("name", ["", "A=B", "A\0"])
def test_impossible_names(name):
    assert not names.is_possible(name)
