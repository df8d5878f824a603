"""Where checks may connect to, and for how long."""

from __future__ import annotations

import socket
import time

import pytest

from multiflexi.credentials import network as module
from multiflexi.credentials.network import Cause, Found, Network, Trouble, is_permitted
from tests.unit.credentials.standin import HOST, dripping, refusing, silent


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.1",
        "0.0.0.0",
        "0.1.2.3",
        "169.254.169.254",
        "169.254.1.1",
        "100.100.100.200",
        "168.63.129.16",
        "224.0.0.1",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
        "ff02::1",
    ],
)
def test_addresses_of_this_host_and_of_clouds_are_refused(address: str, settings) -> None:
    settings.MULTIFLEXI_CHECK_ALLOW = []
    assert not is_permitted("server.example.org", address)


@pytest.mark.parametrize("address", ["10.0.0.8", "192.168.1.5", "8.8.8.8", "2001:db8::1", "fd12:3456::1"])
def test_addresses_of_others_are_permitted(address: str, settings) -> None:
    settings.MULTIFLEXI_CHECK_ALLOW = []
    assert is_permitted("server.example.org", address)


@pytest.mark.parametrize("entry", ["Accounting", "127.0.0.1", "127.0.0.0/8", "127.0.0.7/8"])
def test_exceptions_are_names_addresses_and_networks(entry: str, settings) -> None:
    settings.MULTIFLEXI_CHECK_ALLOW = ["not a network", entry]
    assert is_permitted("accounting", "127.0.0.1")
    assert not is_permitted("other", "169.254.169.254")


def test_a_name_is_resolved_once_and_the_looked_at_address_is_used(settings, monkeypatch) -> None:
    """A name server that answers differently the second time leads nobody to this host."""
    settings.MULTIFLEXI_CHECK_ALLOW = []
    answers = [
        [Found(socket.AF_INET, ("192.0.2.1", 80))],
        [Found(socket.AF_INET, (HOST, 80))],
    ]
    opened = []
    monkeypatch.setattr(module, "_ask", lambda host, port: answers.pop(0))
    monkeypatch.setattr(module, "_open", lambda target, seconds: opened.append(target) or socket.socket())
    with Network() as network:
        network.connect("rebinding.example.org", 80)
    assert opened == [Found(socket.AF_INET, ("192.0.2.1", 80))]
    assert len(answers) == 1


def test_of_several_addresses_only_permitted_ones_are_tried(settings, monkeypatch) -> None:
    settings.MULTIFLEXI_CHECK_ALLOW = []
    both = [Found(socket.AF_INET, (HOST, 80)), Found(socket.AF_INET, ("192.0.2.1", 80))]
    monkeypatch.setattr(module, "_ask", lambda host, port: both)
    with Network() as network:
        assert network.resolve("both.example.org", 80) == both[1:]


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (socket.gaierror(socket.EAI_NONAME, "x"), Cause.UNKNOWN_NAME),
        (socket.gaierror(socket.EAI_AGAIN, "x"), Cause.NO_NAME_SERVER),
        (UnicodeError("x"), Cause.UNKNOWN_NAME),
    ],
)
def test_a_name_without_address(error: Exception, cause: Cause, monkeypatch) -> None:
    def fail(host: str, port: int) -> list[Found]:
        raise error

    monkeypatch.setattr(module, "_ask", fail)
    with Network() as network, pytest.raises(Trouble) as caught:
        network.resolve("nowhere.example.org", 80)
    assert caught.value.cause is cause


def test_a_name_server_that_never_answers_ends_with_the_limit(monkeypatch) -> None:
    monkeypatch.setattr(module, "_ask", lambda host, port: time.sleep(3))
    begun = time.monotonic()
    with Network(0.1) as network, pytest.raises(Trouble) as caught:
        network.resolve("slow.example.org", 80)
    assert caught.value.cause is Cause.NO_NAME_SERVER
    assert time.monotonic() - begun < 2


def test_nobody_listens(loopback: None) -> None:
    with Network() as network, pytest.raises(Trouble) as caught:
        network.connect(HOST, refusing())
    assert caught.value.cause is Cause.REFUSED


def test_the_limit_cuts_a_connection_that_keeps_talking(loopback: None) -> None:
    begun = time.monotonic()
    with dripping() as port, Network(0.2) as network:
        connection = network.connect(HOST, port)
        while connection.recv(1000):
            pass
        assert network.is_over
    assert time.monotonic() - begun < 2


def test_leaving_cuts_what_is_still_open(loopback: None) -> None:
    with silent() as port:
        with Network() as network:
            connection = network.connect(HOST, port)
        assert connection.recv(1) == b""


def test_work_in_a_library_returns_raises_or_is_given_up() -> None:
    with Network(0.2) as network:
        assert network.within(lambda: 3) == 3
        with pytest.raises(ZeroDivisionError):
            network.within(lambda: 1 // 0)
        with pytest.raises(TimeoutError):
            network.within(lambda: time.sleep(3))


def test_trouble_keeps_place_and_cause_only() -> None:
    assert str(Trouble(Cause.REFUSED, "::1", 80)) == "refused [::1]:80"
