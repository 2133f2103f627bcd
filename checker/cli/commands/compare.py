"""``ptecheck compare``: its options."""

from __future__ import annotations

import argparse

from checker.cli.option_types import positive, seconds

EPILOG = """\
exit status: 0 all hold, 1 something is violated, 2 wrong use, 3 not decided.

examples:
  ptecheck compare loongarch/original loongarch/huacai sparc64
  ptecheck compare riscv64 riscv64+svadu arm64 --kernel ~/linux
  ptecheck compare --all --kernel ~/linux      every machine of a tree; only
                                               what some of them break
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("machines", nargs="*", metavar="MACHINE", help="machines, as check takes them")
    parser.add_argument(
        "--world",
        choices=("pte", "mm", "kernel", "helpers"),
        help="only this (default: pte and mm; with --kernel what is required of helpers)",
    )
    parser.add_argument("--all", action="store_true", help="every machine there is; only what some of them break")
    parser.add_argument("--kernel", metavar="DIR", help="take the helpers from the C of this kernel tree")
    parser.add_argument("--git", metavar="REV", help="read this revision of the tree's git repository")
    parser.add_argument("--machine", metavar="FILE", help="with --kernel: this machine of your own (docs/porting.md)")
    parser.add_argument("--timeout", type=seconds, metavar="S", help="time limit for each system in seconds")
    parser.add_argument("--json", metavar="FILE", help="write the table as JSON; - is standard output")
    parser.add_argument("--jobs", type=positive, metavar="N", help="processes to use (default: one for each CPU)")
    parser.add_argument("--no-cache", action="store_true", help="neither use nor keep verdicts of other runs")


def run(args: argparse.Namespace) -> int:
    """Loads what does the work, does it, and returns the exit status."""
    from checker.cli.compare import run_compare

    return run_compare(args)
