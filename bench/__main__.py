"""``python -m bench [NAME ...]``: run measurements and print them beside their targets."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys

from bench.row import Row

MEASUREMENTS = ("startup",)


def main() -> int:
    """Run the named measurements, all without a name; 1 when one of them went wrong, whatever its figures."""
    parser = argparse.ArgumentParser("bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(MEASUREMENTS)}")
    names = parser.parse_args().names or MEASUREMENTS
    if unknown := sorted(set(names) - set(MEASUREMENTS)):
        parser.error(f"no measurement is called {', '.join(unknown)}; there are: {', '.join(MEASUREMENTS)}")
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    for name in names:
        rows: list[Row] = importlib.import_module(f"bench.{name}").measure()
        print(f"\n{name}")
        width = max(len(row.what) for row in rows)
        for row in rows:
            print(f"  {row.what:<{width}}  {row.value:8.1f} {row.unit:<4} target {row.target:g} {row.verdict}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
