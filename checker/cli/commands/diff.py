"""``ptecheck diff``: its options."""

from __future__ import annotations

import argparse

from checker.cli.option_types import positive, seconds

EPILOG = """\
A and B are configurations, as check takes them.

exit status: 0 nothing can be told apart (--faults: no store costs more),
1 something differs, 2 wrong use, 3 not decided.

examples:
  ptecheck diff loongarch/original loongarch/huacai
  ptecheck diff loongarch/linux-6.12 x86-64/linux-6.12 --world pte
  ptecheck diff loongarch --kernel ~/linux --patch fix.patch
  ptecheck diff riscv64 --kernel-a ~/linux-6.1 --kernel-b ~/linux-6.12
  ptecheck diff loongarch/huacai loongarch/peter --faults
  ptecheck diff loongarch/huacai --faults       beside every other variant
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("a", metavar="A", help="the first configuration")
    parser.add_argument(
        "b", metavar="B", nargs="?", help="the second (default: A of another tree, or after the patches)"
    )
    parser.add_argument("--faults", action="store_true", help="count the exceptions that a store costs on each")
    parser.add_argument("--world", choices=("pte", "mm", "kernel"), help="only one world (default: pte and mm)")
    parser.add_argument("--split", metavar="NAME", help="only this order of calls in the huge-page split")
    parser.add_argument("--mm", metavar="RELEASE", help="world kernel and --faults: this release (default: each)")
    parser.add_argument("--kernel", metavar="DIR", help="take the helpers of both from the C of this kernel tree")
    parser.add_argument("--kernel-a", metavar="DIR", help="those of A")
    parser.add_argument("--kernel-b", metavar="DIR", help="those of B")
    parser.add_argument("--git", metavar="REV", help="read this revision of the tree's git repository")
    parser.add_argument("--git-a", metavar="REV", help="for A")
    parser.add_argument("--git-b", metavar="REV", help="for B")
    parser.add_argument("--patch", metavar="FILE", action="append", default=[], help="B is A's tree after this patch")
    parser.add_argument("--reverse", action="store_true", help="take the patches back instead of applying them")
    parser.add_argument("--traces", action="store_true", help="print every shortest run step by step")
    parser.add_argument("--timeout", type=seconds, metavar="S", help="time limit for each pair of systems in seconds")
    parser.add_argument("--json", metavar="FILE", help="write the answer as JSON; - is standard output")
    parser.add_argument("--jobs", type=positive, metavar="N", help="processes to use (default: one for each CPU)")
    parser.add_argument("--no-cache", action="store_true", help="neither use nor keep verdicts of other runs")


def run(args: argparse.Namespace) -> int:
    """Loads what does the work, does it, and returns the exit status."""
    from checker.cli.diff import run_diff

    return run_diff(args)
