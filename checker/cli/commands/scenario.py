"""``ptecheck scenario``: its options."""

from __future__ import annotations

import argparse

from checker.cli.option_types import positive, seconds, states

EPILOG = """\
exit status: 0 all as expected, 1 some expectation failed, 2 wrong use or a bad
file, 3 not decided.

examples:
  ptecheck scenario docs/scenarios                 every file in a folder
  ptecheck scenario docs/scenarios/cow             those of one test
  ptecheck scenario docs/scenarios/seed/split-migration-entry.scenario --runs
  ptecheck scenario mine.scenario --json answers.json
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("files", nargs="+", metavar="FILE|DIR", help="scenario files, or folders with *.scenario")
    parser.add_argument("--runs", action="store_true", help="print the run behind an expected answer, too")
    parser.add_argument("--timeout", type=seconds, metavar="S", help="time limit for each scenario on each system")
    parser.add_argument(
        "--states", type=states, default=1_000_000, metavar="N", help="limit on states likewise (default: 1000000)"
    )
    parser.add_argument("--json", metavar="FILE", help="write answers as JSON; - is standard output")
    parser.add_argument("--jobs", type=positive, metavar="N", help="processes to use (default: one for each CPU)")


def run(args: argparse.Namespace) -> int:
    """Loads what does the work, does it, and returns the exit status."""
    from checker.cli.scenario import run_scenarios

    return run_scenarios(args)
