"""Several processes want to know about one credential at once, on every database: it is asked about once."""

# ruff: noqa: F811 - a fixture is used under the name it was imported by

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from multiflexi.credentials import checking
from multiflexi.credentials.contract import Result
from multiflexi.models import Availability, Credential, Outbox
from tests.crash.live import ROOT
from tests.integration.credentials.conftest import provider  # noqa: F401
from tests.integration.jobs.builders import in_threads
from tests.integration.jobs_environment.builders import Bank

PROCESS = """
import pathlib, sys
import django
django.setup()
from multiflexi.credentials import checking, registry
from tests.integration.credentials import fake

def check(given):
    with open(sys.argv[2], "a") as calls:
        calls.write("called\\n")
    return fake.Result(fake.Availability.UNAVAILABLE, "down", 60)

bank = fake.FakeBank()
bank.result = check
registry.get = lambda code: bank
sys.stdin.readline()
print(checking.current([int(sys.argv[1])])[int(sys.argv[1])].availability)
"""


@pytest.fixture(autouse=True)
def _committed(shared_db):
    pass


@pytest.fixture
def credentials(acme):
    bank = Bank(acme)
    return [bank.credential(name, LOGIN=name) for name in "abcdef"]


def test_threads_share_one_check_and_its_result(credentials, provider):
    provider.open.clear()
    number = credentials[0].pk

    def ask():
        return checking.current([number])[number].availability

    def answer():
        while not provider.checked:
            threading.Event().wait(0.01)
        provider.open.set()

    found = in_threads(ask, ask, ask, ask, answer)
    assert (found[:4], len(provider.checked)) == (["available"] * 4, 1)


def test_opposite_orders_do_not_lock_each_other_out(credentials, provider):
    ids = [one.pk for one in credentials]
    provider.result = Result(Availability.UNAVAILABLE, "down", 60)

    def ask(order):
        return lambda: checking.check(order)

    for _ in range(3):
        in_threads(ask(ids), ask(ids[::-1]), ask(ids[2:] + ids[:2]))
    assert set(Credential.objects.values_list("availability", "checking_by")) == {("unavailable", None)}
    assert Outbox.objects.count() == len(ids)


def test_processes_share_one_check_and_its_result(credentials, process_environment, tmp_path):
    calls, number = tmp_path / "calls", str(credentials[0].pk)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, number, str(calls)],
            cwd=ROOT,
            env=process_environment | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for one in processes:
        assert one.stdin
        one.stdin.write("go\n")
        one.stdin.flush()
    said = [one.communicate(timeout=60)[0].strip() for one in processes]
    assert said == ["unavailable", "unavailable"]
    assert calls.read_text() == "called\n"
    assert Outbox.objects.count() == 1
