"""A key ring for every test that uses the database."""

import pytest

from multiflexi.vault import keyring


@pytest.fixture
def empty_ring(db):
    """No keys yet, and none remembered from another test."""
    keyring.forget()
    yield
    keyring.forget()


@pytest.fixture
def ring(empty_ring):
    """The four keys of the installation."""
    keyring.ensure_keys()
