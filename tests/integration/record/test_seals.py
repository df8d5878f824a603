"""The chain over the audit entries, and what its verification finds."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.utils import timezone

from daemons.scheduler.loop import SchedulerLoop
from multiflexi.models import AuditEntry, AuditSeal, AuditUnsealed
from multiflexi.record import audit, seals
from multiflexi.record.actor import Actor
from multiflexi.record.verification import verify
from multiflexi.vault import keyring, rotation
from multiflexi.vault.errors import VaultError
from multiflexi.vault.rotation import Selection
from tests.integration.jobs.builders import in_threads

pytestmark = pytest.mark.usefixtures("ring")
SYSTEM = Actor(user_id=None, origin="daemon")


def write(number: int = 3) -> list[AuditEntry]:
    return audit.write_many([audit.entry(SYSTEM, "create", ("Company", one)) for one in range(1, number + 1)])


def test_committed_entries_are_chained_once(django_assert_max_num_queries) -> None:
    written = write()
    with django_assert_max_num_queries(8):
        assert seals.seal() == 3
    assert seals.seal() == 0
    more = write(2)
    assert seals.seal() == 2
    first, second = AuditSeal.objects.order_by("pk")
    assert first.entries == [[one.pk, one.mac] for one in written]
    assert (second.first_id, second.last_id, second.prev_hash) == (more[0].pk, more[1].pk, first.seal_hash)
    assert not AuditUnsealed.objects.exists()


def test_long_trails_are_chained_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "BATCH", 4)
    write(10)
    assert seals.seal() == 10
    assert [len(one.entries) for one in AuditSeal.objects.order_by("pk")] == [4, 4, 2]
    assert verify().broken == []


def test_an_untouched_trail_is_whole_with_its_tail() -> None:
    written = write()
    seals.seal()
    tail = write(2)
    found = verify()
    assert (found.checked, found.unsealed, found.broken) == (5, 2, [])
    assert (found.first, found.last) == (written[0].pk, tail[-1].pk)
    last = AuditSeal.objects.get()
    assert found.seal == (last.pk, last.seal_hash)


def test_an_empty_trail_is_whole() -> None:
    assert (verify().checked, verify().broken, verify().seal) == (0, [], None)


@pytest.mark.parametrize("sealed", [True, False])
def test_a_changed_entry(sealed: bool) -> None:
    _first, second, _third = write()
    if sealed:
        seals.seal()
    AuditEntry.objects.filter(pk=second.pk).update(event_description="Nothing happened")
    assert verify().broken == [(second.pk, "changed")]


def test_a_removed_entry() -> None:
    _first, second, _third = write()
    seals.seal()
    AuditEntry.objects.filter(pk=second.pk).delete()
    assert verify().broken == [(second.pk, "missing")]


def test_an_entry_slipped_in_without_the_sealer() -> None:
    write()
    seals.seal()
    slipped = write(1)[0]
    AuditUnsealed.objects.all().delete()
    write(1)
    seals.seal()
    assert verify().broken == [(slipped.pk, "never sealed")]


def test_a_link_taken_out_or_altered() -> None:
    for _round in range(3):
        write(1)
        seals.seal()
    _first, second, third = AuditSeal.objects.order_by("pk")
    noted = {one.pk: one.seal_hash for one in AuditSeal.objects.all()}
    AuditSeal.objects.filter(pk=third.pk).update(entries=[*third.entries, [999, "x"]])
    reasons = {reason for _id, reason in verify().broken}
    assert f"seal {third.pk} does not follow the one before" in reasons
    AuditSeal.objects.filter(pk=third.pk).update(entries=third.entries)
    assert verify(known=noted).broken == []
    AuditSeal.objects.filter(pk=second.pk).delete()
    reasons = {reason for _id, reason in verify(known=noted).broken}
    assert f"seal {second.pk}, noted earlier, is missing" in reasons


def test_a_chain_written_anew_by_who_has_the_database_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    write(2)
    seals.seal()
    link = AuditSeal.objects.get()
    AuditEntry.objects.filter(pk=link.entries[1][0]).delete()
    entries = link.entries[:1]
    forged = hashlib.sha256(f"{link.prev_hash}{json.dumps(entries, separators=(',', ':'))}".encode()).hexdigest()
    AuditSeal.objects.filter(pk=link.pk).update(entries=entries, seal_hash=forged)
    assert verify().broken == [(link.first_id, f"seal {link.pk} does not follow the one before")]


def test_a_chain_written_anew_with_the_key_is_told_by_the_hashes_noted_earlier() -> None:
    write(2)
    seals.seal()
    noted = {one.pk: one.seal_hash for one in AuditSeal.objects.all()}
    link = AuditSeal.objects.get()
    AuditEntry.objects.filter(pk=link.entries[1][0]).delete()
    entries = link.entries[:1]
    AuditSeal.objects.filter(pk=link.pk).update(entries=entries, seal_hash=seals.hash_of(link.prev_hash, entries))
    assert verify().broken == []
    assert verify(known=noted).broken == [(link.first_id, f"seal {link.pk} is not the one noted earlier")]


def test_links_of_a_former_key_still_fit() -> None:
    write(1)
    seals.seal()
    rotation.rotate(Selection((keyring.AUDIT,)), note=lambda count: None, wait=None)
    write(1)
    seals.seal()
    assert verify().broken == []


def test_a_part_of_the_trail() -> None:
    old = write(1)[0]
    seals.seal()
    middle = timezone.now()
    new = write(1)[0]
    found = verify(start=middle)
    assert (found.checked, found.first) == (1, new.pk)
    assert verify(end=middle).first == old.pk
    assert verify(start=datetime(2100, 1, 1, tzinfo=UTC)).checked == 0


@pytest.mark.django_db(transaction=True)
def test_of_two_sealers_one_carries_the_chain_on(shared_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other has read the same tail and the same last link before the first committed."""
    write(2)
    read = seals.hash_of

    def interrupted(previous: str, entries: object) -> str:
        monkeypatch.setattr(seals, "hash_of", read)
        if connection.vendor == "sqlite":
            return read(previous, entries)
        assert in_another_thread(seals.seal) == 2
        return read(previous, entries)

    monkeypatch.setattr(seals, "hash_of", interrupted)
    assert seals.seal() == (2 if connection.vendor == "sqlite" else 0)
    assert AuditSeal.objects.count() == 1
    assert verify().broken == []


@pytest.mark.django_db(transaction=True)
def test_many_sealers_at_once_leave_it_to_one_of_them(shared_db: None) -> None:
    write(1)
    seals.seal()

    def work() -> None:
        for _ in range(40):
            write(1)
            seals.seal()

    in_threads(*[work] * 3)
    seals.seal()
    assert AuditUnsealed.objects.count() == 0
    assert verify().broken == []


def in_another_thread(work):  # type: ignore[no-untyped-def]
    from concurrent.futures import ThreadPoolExecutor

    def run():  # type: ignore[no-untyped-def]
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result(timeout=20)


def test_without_the_key_the_trail_waits_and_the_scheduler_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write(1)
    monkeypatch.setattr(keyring, "current", _unusable)
    loop = SchedulerLoop("one")
    loop.start()
    assert loop.run_once() is not None
    loop.close()
    assert "cannot be sealed" in caplog.text
    assert AuditUnsealed.objects.count() == 1


def _unusable(*_arguments: object) -> None:
    raise VaultError("The master key is missing.")
