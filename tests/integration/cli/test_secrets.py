"""What is secret does not come back from where it is written, mistyped or set; `test_every_command` reads it all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from multiflexi import environ
from multiflexi.models import AuditEntry, LogEntry

from .conftest import Cli
from .plot import MARKER, Plot, betrayed, undone

WRITES = {
    "company:env": "set --company {company} --key ACME_TOKEN --secret --value",
    "credential:update": "{credential} --field BANK_TOKEN=",
    "event-source:update": "{source} --db_password",
    "job:create": "{template} --config API_KEY=",
    "run-template:schedule": "{template} --env API_KEY=",
    "run-template:update": "{template} --config API_KEY=",
    "run-template:preview": "{template} --config API_KEY=",
    "token:update": "{token} --token",
    "user:update": "dave --plaintext",
}


def test_what_is_written_is_not_echoed(cli: Cli, plot: Plot) -> None:
    secret = "n3w-m4rk3r-0123456789-0123456789-ABC"
    for name, line in WRITES.items():
        words = plot.words(line)
        words = [*words[:-1], words[-1] + secret] if words[-1].endswith("=") else [*words, secret]
        for options in (["-v"], ["-v", "--format=json"], ["-vvv", "--dry-run"]):
            with undone():
                outcome = cli(name, *words, *options)
                seen = outcome.out + outcome.err
                kept = [str(row) for model in (AuditEntry, LogEntry) for row in model.objects.values_list()]
            assert secret not in seen, (name, options)
            assert secret not in "".join(kept), name


MISUSED = (
    ["credential:update", "Main", "--field-stdin", f"BANK_TOKEN={MARKER}"],
    ["credential:update", "Main", "--field-clear", f"BANK_TOKEN={MARKER}"],
    ["credential:update", "Main", "--field-prompt", f"BANK_TOKEN:{MARKER}"],
    ["credential:update", "Main", "--field-file", f"{MARKER}"],
    ["credential:update", "Main", "--field", MARKER],
    ["credential:update", "Main", "--field", f"NO_SUCH_FIELD={MARKER}"],
    ["credential-type:update", "FioBank", "--field-stdin", f"SAFE_PASSWORD={MARKER}"],
    ["credential-type:update", "FioBank", "--field-clear", f"SAFE_PASSWORD={MARKER}"],
    ["run-template:update", "Morning echo", "--config", MARKER],
    ["company:env", "set", "--company", "acme", "--key", f"ACME_TOKEN={MARKER}", "--value", "x"],
    ["user:update", "dave", "--password", MARKER],
    ["event-source:update", "Changes", "--dsn", f"oracle://u:{MARKER}@h/d"],
)


def test_what_is_typed_in_the_wrong_place_is_not_repeated(cli: Cli, plot: Plot) -> None:
    for words in MISUSED:
        for format in ("text", "json"):
            with undone():
                outcome = cli(*words, f"--format={format}", stdin="x")
            assert outcome.code in (1, 2), (words, outcome)
            assert outcome.err
            assert not betrayed(outcome.out + outcome.err), words


def test_secret_settings_are_not_shown(tmp_path: Path) -> None:
    secret = {one.name: MARKER for one in environ.state().declared if one.secret}
    assert len(secret) > 5
    plain = {name: one for name, one in os.environ.items() if not name.startswith(("DB_", "MULTIFLEXI", "DJANGO"))}
    plain |= {"MULTIFLEXI_ENV_FILE": os.devnull, "DB_CONNECTION": "pgsql", "DB_HOST": "127.0.0.1", "DB_PORT": "1"}
    for words in (["config:check", "--defaults"], ["doctor", "--timeout", "1"], ["status"], ["company:list", "-vvv"]):
        for format in ("text", "json"):
            done = subprocess.run(
                [sys.executable, "-m", "multiflexi.cli.main", *words, f"--format={format}"],
                env=plain | secret,
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            assert done.stdout + done.stderr
            assert not betrayed(done.stdout + done.stderr), words
