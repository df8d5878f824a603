"""Entry point. Answers `--version` without importing anything but the standard library."""

import gc
import sys
from collections.abc import Sequence

from multiflexi import __version__
from multiflexi.cli.output.stream import guarded

PROGRAM = "multiflexi-cli"
INTERRUPTED = 130
VERSION_WORDS = ("-V", "--version", "version")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code, one of those in `output.errors` or the code of a job."""
    words = list(sys.argv[1:] if argv is None else argv)
    # While modules are loaded nothing becomes garbage, but collecting it takes a tenth of the time.
    gc.disable()
    try:
        return guarded(lambda: _answer(words))
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        return INTERRUPTED
    finally:
        gc.enable()


def _answer(words: Sequence[str]) -> int:
    if len(words) == 1 and words[0] in VERSION_WORDS:
        sys.stdout.write(f"{PROGRAM} {__version__}\n")
        return 0
    from multiflexi.cli.run import run

    return run(words)


if __name__ == "__main__":
    sys.exit(main())
