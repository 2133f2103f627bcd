"""``ptecheck export``: its options."""

from __future__ import annotations

import argparse

from checker.cli.commands.one_system import add_system_options
from checker.cli.export_formats import FORMATS

EPILOG = """\
exit status: 0 written, 2 wrong use, or a system that the language has no
words for.

examples:
  ptecheck export x86-64/linux-6.12 --world pte --format smt2
  ptecheck export loongarch/original --split carry-dirty --format aiger -o m.aig
  ptecheck export loongarch/huacai --world pte --format c -o pte.c
  ptecheck export arm64 --kernel ~/linux --world codes --level pmd --format smt2
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    add_system_options(parser)
    parser.add_argument("--format", required=True, choices=tuple(FORMATS), help="the language")
    parser.add_argument(
        "-o", dest="output", metavar="FILE", help="write here instead of to standard output; AIGER packed if .aig"
    )


def run(args: argparse.Namespace) -> int:
    """Loads what does the work, does it, and returns the exit status."""
    from checker.cli.export import run_export

    return run_export(args)
