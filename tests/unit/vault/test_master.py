"""The master secret: where it comes from, what is refused, what is derived."""

import base64

import pytest

from multiflexi.vault import master
from multiflexi.vault.errors import MasterKeyMissing

SECRET = "kept apart from every backup of the database"


@pytest.fixture
def configured(settings):
    def configure(secret, file=None):
        settings.ENCRYPTION_MASTER_KEY = secret
        settings.MULTIFLEXI_MASTER_KEY_FILE = file

    return configure


def test_the_same_secret_gives_the_same_key_and_another_one_another(configured):
    configured(SECRET)
    first = master.current()
    configured(SECRET + "!")
    other = master.current()
    configured(SECRET)
    assert master.current() == first
    assert other.id != first.id
    assert other.wrapping != first.wrapping


def test_fingerprint_has_sixteen_characters_and_tells_nothing_of_the_wrapping_key(configured):
    configured(SECRET)
    key = master.current()
    assert len(key.id) == 16
    assert len(key.wrapping) == 32
    assert key.id not in key.wrapping.hex()
    assert key.wrapping.hex() not in repr(key) and repr(key.wrapping) not in repr(key)


def test_a_file_may_hold_the_secret_with_a_line_end(configured, tmp_path):
    path = tmp_path / "master-key"
    path.write_text(SECRET + "\n")
    configured(None, path)
    from_file = master.current()
    configured(SECRET)
    assert master.current() == from_file


def test_the_variable_wins_over_the_file(configured, tmp_path):
    path = tmp_path / "master-key"
    path.write_text("something else that is long enough, too")
    configured(SECRET, path)
    with_both = master.current()
    configured(SECRET)
    assert master.current() == with_both


@pytest.mark.parametrize("nothing", [None, "", "  \n"])
def test_without_a_secret_the_error_names_the_setting_and_the_way_out(configured, nothing):
    configured(nothing)
    with pytest.raises(MasterKeyMissing, match=r"ENCRYPTION_MASTER_KEY.*multiflexi-cli setup"):
        master.current()


def test_an_unreadable_file_is_named_and_read_again_once_it_is_there(configured, tmp_path):
    path = tmp_path / "absent"
    configured(None, path)
    with pytest.raises(MasterKeyMissing, match=r"absent.*MULTIFLEXI_MASTER_KEY_FILE.*No such file"):
        master.current()
    path.write_text(SECRET)
    assert master.current().length == len(SECRET)


def test_a_short_secret_reads_old_keys_but_makes_no_new_ones(configured):
    configured("x" * 31)
    assert master.current().length == 31
    with pytest.raises(MasterKeyMissing, match="31 characters; at least 32") as refused:
        master.current_for_new_keys()
    assert "xxx" not in str(refused.value)
    configured("x" * 32)
    assert master.current_for_new_keys() == master.current()


def test_generated_secrets_are_32_random_bytes_and_acceptable(configured):
    generated = {master.generate_master_key() for _ in range(20)}
    assert len(generated) == 20
    assert {len(base64.b64decode(one)) for one in generated} == {32}
    configured(generated.pop())
    assert master.current_for_new_keys().length == 44
