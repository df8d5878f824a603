"""A repeated request is carried out once, whichever server it reaches."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone

from multiflexi.http import idempotency
from multiflexi.http.idempotency import Answer, OtherRequest, once
from multiflexi.models import IdempotencyKey, Topic, User
from multiflexi.services.errors import Conflict, Invalid


def make_topic(name: str = "one") -> Answer:
    return Answer(201, {"id": Topic.objects.create(topic=name).pk}, {"Location": "/topics/1"})


def test_a_repetition_gets_the_first_answer(alice: User) -> None:
    first = once(alice.pk, "k", "same", make_topic)
    again = once(alice.pk, "k", "same", make_topic)
    assert (again.status, again.body, again.headers) == (first.status, first.body, first.headers)
    assert (first.replayed, again.replayed) == (False, True)
    assert Topic.objects.count() == 1


def test_a_key_belongs_to_one_request_of_one_user(alice: User, bob: User) -> None:
    once(alice.pk, "k", "same", make_topic)
    with pytest.raises(OtherRequest, match="another request"):
        once(alice.pk, "k", "other", make_topic)
    assert once(bob.pk, "k", "other", lambda: make_topic("two")).status == 201


def test_errors_undo_what_was_done_and_are_remembered(alice: User) -> None:
    def refused() -> Answer:
        make_topic()
        return Answer(409, {"code": "refused"})

    assert once(alice.pk, "k", "f", refused).status == 409
    assert Topic.objects.count() == 0
    assert once(alice.pk, "k", "f", make_topic).replayed


@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_answers_that_say_nothing_of_the_request_free_the_key(alice: User, status: int) -> None:
    once(alice.pk, "k", "f", lambda: Answer(status, None))
    assert once(alice.pk, "k", "f", make_topic).status == 201


def test_an_exception_frees_the_key(alice: User) -> None:
    def fails() -> Answer:
        make_topic()
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        once(alice.pk, "k", "f", fails)
    assert (IdempotencyKey.objects.count(), Topic.objects.count()) == (0, 0)


def test_a_key_counts_for_a_day(alice: User) -> None:
    once(alice.pk, "k", "f", make_topic)
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert not once(alice.pk, "k", "other", lambda: make_topic("two")).replayed


def test_while_it_is_carried_out_a_repetition_is_refused(alice: User) -> None:
    def meanwhile() -> Answer:
        with pytest.raises(Conflict, match="still being carried out"):
            once(alice.pk, "k", "f", make_topic)
        return make_topic()

    assert once(alice.pk, "k", "f", meanwhile).status == 201
    assert Topic.objects.count() == 1


def test_an_abandoned_request_is_taken_over_and_cannot_come_back(alice: User) -> None:
    def too_slow() -> Answer:
        IdempotencyKey.objects.update(created_at=timezone.now() - idempotency.ABANDONED - timedelta(seconds=1))
        assert once(alice.pk, "k", "f", lambda: Answer(201, {"by": "another"})).status == 201
        return make_topic()

    with pytest.raises(Conflict, match="taken this request over"):
        once(alice.pk, "k", "f", too_slow)
    assert Topic.objects.count() == 0


def test_of_many_at_once_one_is_carried_out(shared_db: None, alice: User) -> None:
    together = threading.Barrier(4)
    topics = []

    def work() -> Answer:
        topics.append(1)
        return Answer(201, {"ok": True})

    def ask(_number: int) -> str:
        try:
            together.wait(30)
            return "again" if once(alice.pk, "k", "f", work).replayed else "done"
        except Conflict:
            return "running"
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(ask, range(4)))
    assert told.count("done") == 1
    assert len(topics) == 1
    assert set(told) <= {"done", "again", "running"}


def test_the_key_is_visible_ascii() -> None:
    made = RequestFactory().post("/x")
    assert idempotency.key_of(made) is None
    made = RequestFactory().post("/x", headers={"Idempotency-Key": "a" * 255})
    assert idempotency.key_of(made) == "a" * 255
    for bad in ("", "a b", "ž", "a" * 256):
        with pytest.raises(Invalid):
            idempotency.key_of(RequestFactory().post("/x", headers={"Idempotency-Key": bad}))


def test_the_fingerprint_tells_bodies_and_addresses_apart() -> None:
    def of(path: str, body: str) -> str:
        return idempotency.fingerprint_of(RequestFactory().post(path, body, content_type="application/json"))

    assert of("/x", "{}") == of("/x", "{}")
    assert len({of("/x", "{}"), of("/x", "{ }"), of("/y", "{}"), of("/x?a=1", "{}")}) == 4
