"""The virtual environment of the peers: none of them is a dependency of the platform."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

from bench.frame.machine import ROOT
from bench.frame.report import say

HOME = ROOT / ".venv" / "peers"
WANTED = ("procrastinate>=3", "psycopg[binary,pool]>=3.2", "celery[redis]>=5.5")


def interpreter() -> str:
    """The peers' Python; they are installed when it is first asked for."""
    python, stamp = HOME / "bin" / "python", HOME / "installed"
    wanted = "\n".join(WANTED)
    if not stamp.exists() or stamp.read_text() != wanted:
        say(f"Installing the peers into {HOME.relative_to(ROOT)} ...")
        subprocess.run([sys.executable, "-m", "venv", str(HOME)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *WANTED], check=True, stdout=sys.stderr)
        stamp.write_text(wanted)
    return str(python)


def version(package: str) -> str:
    """The installed version of a peer."""
    places = [str(place) for place in (HOME / "lib").glob("python*/site-packages")]
    return next(iter(importlib.metadata.distributions(name=package, path=places))).version


def side(name: str) -> str:
    """The peer's half of the measurement, a script for the peers' Python."""
    return str(Path(__file__).parent / "side" / f"{name}.py")
