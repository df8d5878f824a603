"""Which fields are secret."""

import pytest

from multiflexi.vault.secrecy import MASK, NOT_SET, display, is_secret_field, named_like_a_secret


@pytest.mark.parametrize("declared", [None, True, False])
@pytest.mark.parametrize("kind", ["password", "secret", "Password"])
def test_the_types_for_secrets_always_are(kind, declared):
    assert is_secret_field("ANYTHING", kind, declared)


@pytest.mark.parametrize(
    "name",
    """CSAS_API_KEY CSAS_ACCESS_TOKEN OFFICE365_SECRET OFFICE365_CLSECRET REALPAD_PASSWORD FIO_TOKEN DB_PASS
    DBPASSWORD APIKEY X_APIKEY S3_ACCESS_KEY SSH_PRIVATE_KEY SENTRY_DSN PASSWD_OLD token fio-token PWD CREDENTIAL
    MAIL_PASS_2""".split(),  # noqa: SIM905
)
@pytest.mark.parametrize("kind", ["string", "text", "url", "", None, "textarea"])
def test_free_text_named_like_a_secret_is_one(name, kind):
    assert is_secret_field(name, kind)


@pytest.mark.parametrize(
    "name",
    """FIO_TOKEN_NAME PROBE_SHOW_SECRETS PROBE_SHOW_SECRET TOKEN_ID TOKEN_URL PASSWORD_FILE SECRET_PATH TOKEN_TTL
    TOKEN_TIMEOUT API_KEY_NAME ACCOUNT_NUMBER COMPANY PASSENGERS TOKENS SECRETARY BANKA+ MONKEY KEY""".split(),  # noqa: SIM905
)
def test_other_names_are_not(name):
    assert not is_secret_field(name, "string")


@pytest.mark.parametrize(
    "kind", ["bool", "integer", "float", "set", "email", "file-path", "checkbox", "switch", "select", "number"]
)
def test_a_name_does_not_make_choices_numbers_and_addresses_secret(kind):
    assert not is_secret_field("API_TOKEN", kind)


def test_a_declared_flag_beats_the_name():
    assert is_secret_field("PLAIN", "string", True)
    assert is_secret_field("ENABLED", "bool", True)
    assert not is_secret_field("API_TOKEN", "string", False)


def test_the_name_rule_alone_serves_installation_variables():
    assert named_like_a_secret("SMTP_PASSWORD")
    assert not named_like_a_secret("SMTP_HOST")


def test_display_never_tells_the_length():
    assert display("abc") == display("a much longer secret") == MASK == "••••••••"
    assert display("") == display(None) == NOT_SET
