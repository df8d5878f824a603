import pytest

from multiflexi.scheduling.zones import ZoneError, installation_zone, zone


def test_a_zone_is_loaded_once():
    assert zone("Europe/Prague") is zone("Europe/Prague")


@pytest.mark.parametrize("name", ["Europe/Praha", "Europe", "/etc/passwd", "../UTC", "", "a\0b", None])
def test_an_unknown_zone_is_refused(name):
    with pytest.raises(ZoneError, match="Europe/Prague or UTC"):
        zone(name)


def test_the_setting_comes_first(tmp_path):
    (tmp_path / "timezone").write_text("America/Santiago\n")
    assert installation_zone("Europe/Prague", etc=tmp_path).key == "Europe/Prague"


def test_a_wrong_setting_is_an_error_that_names_it(tmp_path):
    (tmp_path / "timezone").write_text("America/Santiago\n")
    with pytest.raises(ZoneError, match="MULTIFLEXI_TIMEZONE='Mars/Base'"):
        installation_zone("Mars/Base", etc=tmp_path)


@pytest.mark.parametrize("configured", [None, "", "  "])
def test_the_file_comes_second(tmp_path, configured):
    (tmp_path / "timezone").write_text("# zone of this host\n\nAmerica/Santiago\n")
    (tmp_path / "localtime").symlink_to("/usr/share/zoneinfo/Europe/Prague")
    assert installation_zone(configured, etc=tmp_path).key == "America/Santiago"


@pytest.mark.parametrize("broken", [None, b"", b"Mars/Base\n", b"\xff\xfe"])
@pytest.mark.parametrize("target", ["/usr/share/zoneinfo/Europe/Prague", "../usr/share/zoneinfo/posix/Europe/Prague"])
def test_the_link_comes_third(tmp_path, broken, target):
    if broken is not None:
        (tmp_path / "timezone").write_bytes(broken)
    (tmp_path / "localtime").symlink_to(target)
    assert installation_zone(None, etc=tmp_path).key == "Europe/Prague"


def test_without_any_hint_it_is_utc(tmp_path):
    (tmp_path / "localtime").write_bytes(b"TZif2")
    assert installation_zone(None, etc=tmp_path).key == "UTC"
