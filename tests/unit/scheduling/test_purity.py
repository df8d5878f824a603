"""What the package may load, and how fast it answers."""

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import multiflexi.scheduling
from multiflexi.scheduling.cadence import Cadence

PACKAGE = Path(multiflexi.scheduling.__file__).parent
MODULES = sorted(f"multiflexi.scheduling.{path.stem}" for path in PACKAGE.glob("*.py") if path.stem != "__init__")


def loaded_by(*modules: str) -> set[str]:
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parents[1]
    )
    return set(run.stdout.split())


def test_no_module_loads_django_or_the_models():
    loaded = loaded_by(*MODULES)
    assert set(MODULES) <= loaded
    assert not {name for name in loaded if name.split(".")[0] == "django" or name.startswith("multiflexi.models")}


def test_the_library_for_words_is_loaded_only_for_words():
    assert "cron_descriptor" not in loaded_by(*(name for name in MODULES if name != "multiflexi.scheduling.wording"))


def test_fixed_intervals_take_few_microseconds_on_average():
    zone, start = ZoneInfo("Europe/Prague"), datetime(2026, 6, 17, tzinfo=UTC)

    def average() -> float:
        begin = time.process_time()
        for number in range(1000):
            for code in "ihdwmy":
                Cadence(code, None, zone).next_slot(start + timedelta(minutes=number))
        return (time.process_time() - begin) / 6000

    # About 20 on an idle machine; caches shared with a busy neighbour double it.
    assert min(average() for _ in range(5)) < 60e-6
