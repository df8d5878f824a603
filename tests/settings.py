"""Settings of the test run: SQLite, or the database that `TEST_DATABASE_URL` names (`postgres://…`, `mysql://…`).

Nothing of the machine's own configuration reaches the tests; processes that tests start inherit this environment.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

_KINDS = {"postgres": "pgsql", "postgresql": "pgsql", "mysql": "mysql", "mariadb": "mysql"}
_PORTS = {"pgsql": "5432", "mysql": "3306"}
# The first process of a run makes the directory and removes it; its workers inherit it.
if "TEST_SCRATCH" not in os.environ:
    os.environ["TEST_SCRATCH"] = tempfile.mkdtemp(prefix="multiflexi-test-")
    atexit.register(shutil.rmtree, os.environ["TEST_SCRATCH"], ignore_errors=True)
SCRATCH = Path(os.environ["TEST_SCRATCH"])


def _database(url: str) -> dict[str, str]:
    if not url:
        return {"DB_CONNECTION": "sqlite", "DB_DATABASE": str(SCRATCH / "multiflexi.sqlite3")}
    parts = urlsplit(url)
    kind = _KINDS[parts.scheme]
    return {
        "DB_CONNECTION": kind,
        "DB_HOST": parts.hostname or "127.0.0.1",
        "DB_PORT": str(parts.port or _PORTS[kind]),
        "DB_DATABASE": parts.path.lstrip("/") or "multiflexi",
        "DB_USERNAME": unquote(parts.username or ""),
        "DB_PASSWORD": unquote(parts.password or ""),
    }


for _name in [name for name in os.environ if name.startswith(("DB_", "MULTIFLEXI_", "ENCRYPTION_"))]:
    del os.environ[_name]
os.environ.update(
    _database(os.environ.get("TEST_DATABASE_URL", "")),
    ENCRYPTION_MASTER_KEY="test-master-key-0123456789abcdef-0123456789",
    MULTIFLEXI_TIMEZONE="Europe/Prague",
    MULTIFLEXI_TMP=str(SCRATCH / "tmp"),
    MULTIFLEXI_SPOOL=str(SCRATCH / "spool"),
    MULTIFLEXI_SQLITE_SYNCHRONOUS="normal",
    MULTIFLEXI_ENV_FILE=os.devnull,
)

from multiflexi.serving.settings import *  # noqa: E402, F403

# A file, not memory: processes that tests start open the same database.
if os.environ["DB_CONNECTION"] == "sqlite":
    DATABASES["default"]["TEST"] = {"NAME": str(SCRATCH / "test.sqlite3")}  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *PASSWORD_HASHERS]  # noqa: F405
# Derived from a data key otherwise, which only tests that need one make.
SECRET_KEY = "test-secret-key-0123456789abcdef-0123456789abcdef"
