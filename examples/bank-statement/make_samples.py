#!/usr/bin/env python3
"""Writes samples/ and expected/ from the hand-kept tables samples/statements.csv and samples/ledger.csv.

The figures are whole hundredths from the tables and never pass through the reader that they are to judge;
this program and `sample_maker/` must not import `bank_statement`. Optional argument: another target directory.
"""

import sys
from pathlib import Path

from sample_maker.figures import expected_of
from sample_maker.tables import read_tables
from sample_maker.xml import document_of

HERE = Path(__file__).resolve().parent
TRUNCATED = "faulty/truncated.xml"


def main(target: Path) -> None:
    """Writes every sample and its expected figures below `target`, always the same bytes."""
    for file, statements in read_tables(HERE / "samples").items():
        document = document_of(statements).encode(statements[0].encoding)
        write(target / "samples" / file, document)
        write(target / "expected" / f"{Path(file).stem}.json", expected_of(statements).encode())
        if file == "acme/acme-2026-01.xml":
            write(target / "samples" / TRUNCATED, document[: len(document) * 3 // 5])


def write(path: Path, content: bytes) -> None:
    """Writes a file, its directory included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
