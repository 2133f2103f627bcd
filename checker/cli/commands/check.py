"""``ptecheck check``: its options."""

from __future__ import annotations

import argparse

from checker.cli.option_types import natural, positive, processes, seconds, size
from checker.cli.parser import EPILOG  # noqa: F401 - shown as this command's own, too


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("configs", nargs="*", metavar="CONFIG", help="what to check (default: the comparison of all)")
    parser.add_argument(
        "--world",
        choices=("pte", "helpers", "mm", "kernel"),
        help="only one world (default: pte and mm; with --kernel pte and helpers)",
    )
    parser.add_argument("--mm", metavar="RELEASE", help="world kernel: generic mm of this release (default: each)")
    parser.add_argument("--migration", metavar="NAME", help="world kernel: this order of calls when a migration ends")
    parser.add_argument(
        "--with",
        dest="extras",
        metavar="NAME",
        action="append",
        default=[],
        help="world kernel: stale-tlb, race, as-is, untracked or without-ad; see list choices",
    )
    parser.add_argument("--processes", type=processes, default=2, metavar="N", help="world kernel: 1 to 3 (default: 2)")
    parser.add_argument("--split", metavar="NAME", help="only this order of calls in the huge-page split")
    parser.add_argument("--invariant", metavar="NAME", help="only this invariant")
    parser.add_argument("--depth", type=natural, metavar="N", help="only runs of at most N transitions")
    parser.add_argument("--kernel", metavar="DIR", help="take the helpers from the C of this kernel tree")
    parser.add_argument("--git", metavar="REV", help="read this revision of the tree's git repository")
    parser.add_argument("--machine", metavar="FILE", help="with --kernel: this machine of your own (docs/porting.md)")
    parser.add_argument(
        "--patch", metavar="FILE", action="append", default=[], help="what this patch changes; - is standard input"
    )
    parser.add_argument("--reverse", action="store_true", help="take the patches back instead of applying them")
    parser.add_argument(
        "--proofs",
        choices=("clauses", "states"),
        default="clauses",
        help="of a small system: clauses to read, checked by a solver (default), or its states, which takes less time",
    )
    parser.add_argument("--timeout", type=seconds, metavar="S", help="time limit for each system in seconds")
    parser.add_argument(
        "--reductions",
        metavar="LIST",
        help="search with these only: none, or names from ptecheck reductions with commas (default: all)",
    )
    parser.add_argument(
        "--memory",
        type=size,
        metavar="SIZE",
        help="limit for each process, such as 500M (default: its share of what is free)",
    )
    parser.add_argument("--checkpoint", metavar="DIR", help="keep long searches there, and go on from what is kept")
    parser.add_argument("--json", metavar="FILE", help="write results as JSON; - is standard output")
    parser.add_argument("--report", metavar="FILE", help="write a self-contained HTML page, such as report.html")
    parser.add_argument("--junit", metavar="FILE", help="write results as JUnit XML, for CI")
    parser.add_argument("--sarif", metavar="FILE", help="write results as SARIF 2.1.0, for code hosts")
    parser.add_argument("--save", metavar="DIR", help="write traces and certificates below this folder")
    parser.add_argument("--save-scenarios", metavar="DIR", help="write each counterexample as a scenario file there")
    parser.add_argument("--jobs", type=positive, metavar="N", help="processes to use (default: one for each CPU)")
    parser.add_argument("--no-cache", action="store_true", help="neither use nor keep verdicts of other runs")


def run(args: argparse.Namespace) -> int:
    """Loads what does the work, does it, and returns the exit status."""
    from checker.cli.check import run_check

    return run_check(args)
