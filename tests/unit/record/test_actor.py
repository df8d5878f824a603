"""Actors and their labels."""

import pytest

from multiflexi.record.actor import SYSTEM, Actor


@pytest.mark.parametrize(
    ("actor", "label"),
    [
        (Actor(1), "user:1"),
        (Actor(1, "api", token_id=4), "token:4"),
        (Actor(1, "daemon", worker_id=3), "worker:3"),
        (Actor(None, "daemon"), "system"),
        (SYSTEM, "system"),
    ],
)
def test_label_names_the_most_specific_thing(actor, label):
    assert actor.label == label


def test_an_unknown_origin_is_refused():
    with pytest.raises(ValueError, match="telex"):
        Actor(1, "telex")
