"""Providers that read files of this host or ask its programs."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from multiflexi.credentials import registry
from multiflexi.credentials.contract import CannotResolve, Given, Result
from tests.unit.credentials.samples import MARK
from tests.unit.credentials.standin import certified

ENV_FILE = registry.get("EnvFile")


class TestEnvFile:
    @staticmethod
    def given(path: str = "shared/bank.env", company: int | None = 7) -> Given:
        return Given({}, {"ENV_FILE_PATH": path}, company_id=company)

    @staticmethod
    def write(root: Path, text: str | bytes, path: str = "shared/bank.env", mode: int = 0o640) -> Path:
        file = root / path
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        file.chmod(mode)
        return file

    def check(self, path: str = "shared/bank.env", company: int | None = 7) -> Result:
        return ENV_FILE.check(self.given(path, company))

    def test_every_line_is_a_secret_variable(self, files_root: Path) -> None:
        self.write(files_root, "\ufeff# bank\n\nexport A='x y'\nB=\"p$ASS`id`\"\n C = plain # note\nD=a=b\n")
        found = ENV_FILE.resolve(self.given())
        assert {name: value.text for name, value in found.items()} == {
            "A": "x y",
            "B": "p$ASS`id`",
            "C": "plain",
            "D": "a=b",
        }
        assert all(value.secret for value in found.values())
        result = self.check()
        assert (result.state, result.ttl) == ("available", 300)

    def test_names_of_the_platform_and_of_loaders_are_left_out(self, files_root: Path) -> None:
        self.write(files_root, "MULTIFLEXI_JOB_ID=1\nLD_PRELOAD=x\nPYTHONPATH=x\nPATH=x\nDB_PASSWORD=mine\n")
        assert set(ENV_FILE.resolve(self.given())) == {"DB_PASSWORD"}

    @pytest.mark.parametrize(
        "text", ["", "# nothing\n", f"{MARK}\n", f"A='{MARK}\n", b"A=\xff\xfe", "A=" + "x" * (64 * 1024)]
    )
    def test_a_file_that_cannot_be_used(self, text: str | bytes, files_root: Path) -> None:
        self.write(files_root, text)
        result = self.check()
        assert result.state == "misconfigured"
        assert MARK not in result.message
        with pytest.raises(CannotResolve) as caught:
            ENV_FILE.resolve(self.given())
        assert caught.value.result.state == "misconfigured"

    def test_the_line_that_is_wrong_is_named(self, files_root: Path) -> None:
        self.write(files_root, f"A=1\n\n{MARK}\n")
        assert "line 3" in self.check().message

    def test_a_company_reads_its_own_and_the_shared_files(self, files_root: Path) -> None:
        self.write(files_root, "A=1", "7/own.env")
        self.write(files_root, "A=1", "8/own.env")
        assert self.check("7/own.env").state == "available"
        assert self.check(str(files_root / "7/own.env")).state == "available"
        assert self.check("8/own.env").state == "misconfigured"
        assert self.check("7/../8/own.env").state == "misconfigured"
        assert self.check("7/own.env", None).state == "misconfigured"

    def test_links_lead_nowhere_else(self, files_root: Path) -> None:
        self.write(files_root, "A=1", "8/own.env")
        (files_root / "shared" / "link.env").symlink_to(files_root / "8" / "own.env")
        (files_root / "7").symlink_to("/etc")
        assert self.check("shared/link.env").state == "misconfigured"
        assert self.check("/etc/hostname", 8).state == "misconfigured"

    @pytest.mark.parametrize("path", ["", "shared/missing.env", "/etc/passwd", "shared", "shared/\0", "shared/fifo"])
    def test_what_is_no_usable_file(self, path: str, files_root: Path) -> None:
        os.mkfifo(files_root / "shared" / "fifo")
        assert self.check(path).state in ("misconfigured", "unknown")
        with pytest.raises(CannotResolve):
            ENV_FILE.resolve(self.given(path))

    @pytest.mark.parametrize("mode", [0o660, 0o646])
    def test_a_file_that_others_may_write_is_refused(self, mode: int, files_root: Path) -> None:
        self.write(files_root, "A=1", mode=mode)
        assert self.check().state == "misconfigured"

    def test_without_a_root_no_file_is_read(self, settings, tmp_path: Path) -> None:
        settings.MULTIFLEXI_CREDENTIAL_FILES = None
        result = self.check(str(self.write(tmp_path, "A=1")))
        assert (result.state, "MULTIFLEXI_CREDENTIAL_FILES" in result.message) == ("misconfigured", True)

    def test_an_upload_needs_no_path(self) -> None:
        given = Given({}, files={"ENV_FILE_PATH": b"A=1"})
        assert ENV_FILE.check(given).state == "available"
        assert ENV_FILE.resolve(given)["A"] == ("1", True)


class TestRaiffeisenBank:
    PROVIDER = registry.get("RaiffeisenBank")

    @staticmethod
    def file(days: float, begun: float = 400, password: str = f"{MARK}-cert") -> bytes:
        now = datetime.now(UTC)
        certificate, key = certified("ACME s.r.o.", now - timedelta(days=begun), now + timedelta(days=days))
        return pkcs12.serialize_key_and_certificates(
            b"rb", key, certificate, None, BestAvailableEncryption(password.encode())
        )

    @staticmethod
    def given(content: bytes | None = None, **values: str) -> Given:
        own = {"ACCOUNT_NUMBER": "1", "CERT_FILE": "shared/rb.p12", "CERT_PASS": f"{MARK}-cert", "XIBMCLIENTID": MARK}
        return Given({**own, **values}, files={} if content is None else {"CERT_FILE": content}, company_id=7)

    @pytest.mark.parametrize(
        ("days", "begun", "state"),
        [(15, 400, "available"), (13, 400, "degraded"), (-1, 400, "misconfigured"), (9, -1, "misconfigured")],
    )
    def test_validity(self, days: float, begun: float, state: str) -> None:
        result = self.PROVIDER.check(self.given(self.file(days, begun)))
        assert result.state == state
        assert "ACME" in result.details["subject"]
        if state in ("available", "degraded"):
            assert result.expires["CERT_FILE"].isoformat() == result.details["certificate_expires"]

    def test_the_end_is_told_without_asking_anybody(self) -> None:
        end = self.PROVIDER.expires(self.given(self.file(20)))
        assert end is not None
        assert timedelta(days=19) < end - datetime.now(UTC) < timedelta(days=20)
        assert self.PROVIDER.expires(self.given(b"")) is None

    def test_a_file_below_the_root(self, files_root: Path) -> None:
        path = files_root / "shared" / "rb.p12"
        path.write_bytes(self.file(100))
        path.chmod(0o600)
        assert self.PROVIDER.check(self.given()).state == "available"

    @pytest.mark.parametrize("content", [b"", b"no certificate", None])
    def test_no_certificate(self, content: bytes | None, files_root: Path) -> None:
        assert self.PROVIDER.check(self.given(content)).state == "misconfigured"

    def test_a_wrong_password_and_missing_values(self) -> None:
        wrong = self.PROVIDER.check(self.given(self.file(100), CERT_PASS="other"))
        assert (wrong.state, "CERT_PASS" in wrong.message) == ("misconfigured", True)
        missing = self.PROVIDER.check(self.given(self.file(100), XIBMCLIENTID=""))
        assert (missing.state, missing.message) == ("misconfigured", "Not set: XIBMCLIENTID.")


TOOL = """#!/bin/sh
echo "$*|$(env | sort | tr '\\n' ' ')" >> {log}
for word in "$@"; do
  case "$word" in
    -l) cat {rows}; exit {status};;
    -o*) ls -l "${{word#-o}}" >> {log}
         printf 'CSAS_API_KEY={mark}-key\\nCSAS_SANDBOX_MODE=false\\nCSAS_ACCESS_TOKEN={token}\\n' > "${{word#-o}}";;
  esac
done
exit {status}
"""


class TestCsas:
    PROVIDER = registry.get("Csas")
    GIVEN = Given({}, {"CSAS_TOKEN_ID": "71004963-e3d4"})

    @pytest.fixture
    def tool(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        """Put a program in the place of the tool."""

        def install(rows: object = (), status: int = 0, token: str = f"{MARK}-token", text: str = TOOL) -> Path:
            (tmp_path / "rows").write_text(json.dumps(rows))
            log, program = tmp_path / "log", tmp_path / "csas-access-token"
            program.write_text(
                text.format(log=log, rows=tmp_path / "rows", status=status, mark=MARK, token=token), encoding="utf-8"
            )
            program.chmod(0o755)
            monkeypatch.setattr(self.PROVIDER, "search_path", f"{tmp_path}:/usr/bin:/bin")
            return log

        return install

    @staticmethod
    def row(seconds: float, **more: object) -> dict[str, object]:
        return {"uuid": "71004963-e3d4", "environment": "production", "expires_in": time.time() + seconds, **more}

    @pytest.mark.parametrize(
        ("row", "state"),
        [
            ({"seconds": 60}, "available"),
            ({"seconds": -60, "refresh_token": "r"}, "degraded"),
            ({"seconds": -60}, "misconfigured"),
        ],
    )
    def test_the_listed_token(self, row: dict, state: str, tool) -> None:
        tool([{"uuid": "other"}, self.row(**row)])
        result = self.PROVIDER.check(self.GIVEN)
        assert result.state == state
        assert "r" not in result.details.values()

    @pytest.mark.parametrize("rows", [[], {}, [1], None])
    def test_an_unknown_token(self, rows: object, tool) -> None:
        tool(rows or [])
        assert self.PROVIDER.check(self.GIVEN).state == "misconfigured"

    def test_a_failing_tool(self, tool) -> None:
        tool([], status=3)
        assert self.PROVIDER.check(self.GIVEN).state == "unavailable"
        with pytest.raises(CannotResolve) as caught:
            self.PROVIDER.resolve(self.GIVEN)
        assert caught.value.result.state == "unavailable"

    def test_no_tool(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(self.PROVIDER, "search_path", str(tmp_path))
        assert self.PROVIDER.check(self.GIVEN).state == "misconfigured"

    def test_a_tool_that_hangs(self, tool, monkeypatch: pytest.MonkeyPatch) -> None:
        tool(text="#!/bin/sh\nexec sleep 20\n")
        monkeypatch.setattr(self.PROVIDER, "seconds", 0.2)
        assert self.PROVIDER.check(self.GIVEN).state == "unavailable"

    def test_a_fresh_token_comes_from_a_private_file_that_is_gone(self, tool, monkeypatch) -> None:
        monkeypatch.setenv("DB_PASSWORD", "of the platform")
        log = tool()
        found = self.PROVIDER.resolve(self.GIVEN)
        assert found["CSAS_ACCESS_TOKEN"] == (f"{MARK}-token", True)
        assert found["CSAS_API_KEY"] == (f"{MARK}-key", True)
        assert found["CSAS_SANDBOX_MODE"] == ("false", False)
        said = log.read_text()
        assert "-rw-------" in said
        assert "of the platform" not in said
        path = Path(said.split(" -o")[1].split("|")[0])
        assert not path.exists()
        assert not path.parent.exists()

    def test_an_empty_answer_of_the_tool(self, tool) -> None:
        tool(token="")
        with pytest.raises(CannotResolve):
            self.PROVIDER.resolve(self.GIVEN)

    def test_values_by_hand(self) -> None:
        by_hand = Given({"CSAS_API_KEY": MARK, "CSAS_ACCESS_TOKEN": MARK})
        assert self.PROVIDER.check(by_hand).state == "unknown"
        assert self.PROVIDER.resolve(by_hand) == {}
        assert self.PROVIDER.check(Given({"CSAS_API_KEY": MARK})).state == "misconfigured"

    @pytest.mark.parametrize("token", ["-o/etc/passwd x", "a/b", "a" * 65])
    def test_an_id_that_is_none_reaches_no_command_line(self, token: str, tool) -> None:
        log = tool()
        assert self.PROVIDER.check(Given({}, {"CSAS_TOKEN_ID": token})).state == "misconfigured"
        with pytest.raises(CannotResolve):
            self.PROVIDER.resolve(Given({}, {"CSAS_TOKEN_ID": token}))
        assert "-t" not in (log.read_text() if log.exists() else "")


class TestDatabaseFile:
    PROVIDER = registry.get("DatabaseConnection")

    def check(self, path: str) -> Result:
        return self.PROVIDER.check(Given({"DB_CONNECTION": "sqlite", "DB_DATABASE": path}, company_id=7))

    def test_sqlite(self, files_root: Path) -> None:
        sqlite3.connect(files_root / "shared" / "books.db").close()
        assert self.check("shared/books.db").state == "available"
        assert self.check("shared/none.db").state == "misconfigured"
        assert self.check("shared").state == "misconfigured"
        assert self.check("/etc/hostname").state == "misconfigured"
        assert self.check("").state == "misconfigured"

    @pytest.mark.parametrize(
        ("values", "names"),
        [
            ({"DB_CONNECTION": "pgsql", "DB_SETTINGS": "a=b"}, {"DB_TYPE": "pgsql", "DB_OPTIONS": "a=b"}),
            ({"DB_TYPE": "mysql"}, {"DB_CONNECTION": "mysql"}),
            ({"DB_CONNECTION": "a", "DB_TYPE": "b"}, {}),
        ],
    )
    def test_both_names_of_a_value(self, values: dict[str, str], names: dict[str, str]) -> None:
        assert {name: value.text for name, value in self.PROVIDER.resolve(Given(values)).items()} == names

    @pytest.mark.parametrize(
        ("values", "state"),
        [
            ({}, "misconfigured"),
            ({"DB_CONNECTION": "oracle"}, "misconfigured"),
            ({"DB_TYPE": "pgsql"}, "misconfigured"),
            ({"DB_TYPE": "pgsql", "DB_HOST": "/run/pg", "DB_DATABASE": "a", "DB_USERNAME": "b"}, "unknown"),
            (
                {"DB_TYPE": "pgsql", "DB_HOST": "h", "DB_DATABASE": "a", "DB_USERNAME": "b", "DB_PORT": "x"},
                "misconfigured",
            ),
        ],
    )
    def test_values_that_cannot_be_checked(self, values: dict[str, str], state: str) -> None:
        assert self.PROVIDER.check(Given(values)).state == state
