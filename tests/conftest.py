"""The fixed cast of people and companies, and the database that several processes share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.test import SimpleTestCase, TransactionTestCase
from django.urls import set_script_prefix

from multiflexi.models import Company, CompanyRole, User
from multiflexi.services import address_list, rate_limit, remembered_passwords
from multiflexi.vault import keyring
from tests import emptying, needs
from tests.http import a_token
from tests.installation import environment_of_processes, first_rows, person

REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "reference"
# Tests read English, whatever language the developer's shell speaks.
os.environ["LC_ALL"] = "C.UTF-8"
WAYS_TO_THE_DATABASE = {"db", "transactional_db", "django_db_setup"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On a database server only what uses it runs; the rest would tell no more than it tells on SQLite."""
    if not os.environ.get("TEST_DATABASE_URL"):
        return
    left_out = [item for item in items if not _uses_the_database(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if _uses_the_database(item)]


def _uses_the_database(item: pytest.Item) -> bool:
    if any(item.iter_markers("django_db")) or any(item.iter_markers("every_database")):
        return True
    in_django = issubclass(getattr(item, "cls", None) or object, SimpleTestCase)
    return in_django or not WAYS_TO_THE_DATABASE.isdisjoint(getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session", autouse=True)
def quick_emptying() -> None:
    TransactionTestCase._fixture_teardown = emptying.empty  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def no_remembered_keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Data keys are cached per process; the keys of one test's database must not reach the next test."""
    # No list of addresses, read once and for all; what changes the list makes it be read anew.
    address_list.remember(address_list.Lists([]))
    monkeypatch.setattr(address_list, "FRESH_SECONDS", 3600.0)
    keyring.forget()
    remembered_passwords.forget()
    rate_limit.forget()
    yield
    keyring.forget()


@pytest.fixture
def keys_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that count queries: data keys are otherwise read anew every ten seconds."""
    monkeypatch.setattr(keyring, "MAX_AGE", 3600.0)


@pytest.fixture(autouse=True)
def no_remembered_prefix() -> None:
    """Requests under a prefix leave it behind in their thread; addresses that a test asks for itself have none."""
    set_script_prefix("/")


@pytest.fixture
def ring(db: None) -> None:
    """The four data keys of the installation."""
    keyring.ensure_keys()


@pytest.fixture
def acme(db: None) -> Company:
    return Company.objects.create(name="ACME", slug="acme")


@pytest.fixture
def globex(db: None) -> Company:
    return Company.objects.create(name="Globex", slug="globex")


@pytest.fixture
def alice(acme: Company) -> User:
    """Administrator of ACME, editor in the installation."""
    return person("alice", "editor", **{CompanyRole.ADMIN: acme})


@pytest.fixture
def bob(acme: Company) -> User:
    """Viewer of ACME and in the installation."""
    return person("bob", "viewer", **{CompanyRole.VIEWER: acme})


@pytest.fixture
def carol(globex: Company) -> User:
    """Administrator of Globex, editor in the installation."""
    return person("carol", "editor", **{CompanyRole.ADMIN: globex})


@pytest.fixture
def root(db: None) -> User:
    """Super administrator, member of no company."""
    return person("root", "super_admin")


@pytest.fixture
def robot(acme: Company, ring: None) -> User:
    """Manager of ACME, user in the installation, without a password: it comes with tokens only."""
    user = person("robot", "user", **{CompanyRole.MANAGER: acme})
    user.set_password(None)
    user.save()
    return user


@pytest.fixture
def robot_token(robot: User) -> str:
    """An unlimited token of the robot."""
    return a_token(robot)


@pytest.fixture
def shared_db(transactional_db: None) -> None:
    """A database whose changes are committed, with the rows of the first migrations, for threads and processes."""
    first_rows()
    keyring.ensure_keys()


@pytest.fixture
def process_environment(shared_db: None, tmp_path: Path) -> dict[str, str]:
    """Environment of a process of the platform that uses the test's database and directories of its own."""
    return environment_of_processes(tmp_path)


@pytest.fixture(scope="session")
def reference() -> Path:
    """Definition files and schemas of other projects; without them their tests are left out, in CI they fail."""
    if not REFERENCE.is_dir():
        needs.missing(f"the reference files are not at {REFERENCE}")
    return REFERENCE


@pytest.fixture
def queries(django_assert_max_num_queries: Callable[..., object]) -> Callable[..., object]:
    """Context manager that fails when its block makes more than the given number of queries."""
    return django_assert_max_num_queries
