"""``ptecheck reductions``: its options."""

from __future__ import annotations

import argparse

from checker.cli.option_types import positive, processes, seconds

EPILOG = """\
exit status: 0 every argument holds, 1 one is refuted, 2 wrong use, 3 not
decided.

examples:
  ptecheck reductions                          which there are
  ptecheck reductions loongarch/original --world pte
  ptecheck reductions x86-64/linux-6.12 --world kernel --mm linux-6.12
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("configs", nargs="*", metavar="CONFIG", help="prove it for these (default: only list them)")
    parser.add_argument("--world", choices=("pte", "helpers", "mm", "kernel"), help="only one world, as for check")
    parser.add_argument("--mm", metavar="RELEASE", help="world kernel: generic mm of this release (default: each)")
    parser.add_argument("--processes", type=processes, default=2, metavar="N", help="world kernel: 1 to 3 (default: 2)")
    parser.add_argument("--split", metavar="NAME", help="only this order of calls in the huge-page split")
    parser.add_argument("--timeout", type=seconds, metavar="S", help="time limit for each argument in seconds")
    parser.add_argument("--jobs", type=positive, metavar="N", help="processes to use (default: one for each CPU)")
    parser.set_defaults(invariant=None, migration=None, extras=[], kernel=None, reductions=None, save=None)


def run(args: argparse.Namespace) -> int:
    """Loads what does the work, does it, and returns the exit status."""
    from checker.cli.reductions import run_reductions

    return run_reductions(args)
