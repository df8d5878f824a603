"""The options of `multiflexi-executor` beside those of every daemon; the daemon loads nothing more for them."""

from __future__ import annotations

import argparse


def add_one_shot_options(parser: argparse.ArgumentParser) -> None:
    """The options of one-shot runs."""
    modes = parser.add_argument_group("one-shot runs")
    modes.add_argument("-j", "--job", metavar="ID", help="run this waiting job here and now (JOB_ID)")
    modes.add_argument(
        "-r",
        "--runtemplate",
        metavar="ID",
        help="make a job of this run template and wait until an executor has run it (RUNTEMPLATE_ID)",
    )
    modes.add_argument(
        "-E", dest="overrides", metavar="KEY=VALUE", action="append", default=[], help="with -r: value for this run"
    )
    modes.add_argument("--env-json", metavar="JSON", help="with -r: an object of such values; -E wins")
    modes.add_argument("-o", "--output", metavar="FILE", help="file for the job's standard output (RESULT_FILE)")
    modes.add_argument(
        "-t", "--timeout", metavar="SECONDS", help="with -r: longest wait, 0 = none (RUNTEMPLATE_WAIT_TIMEOUT)"
    )
