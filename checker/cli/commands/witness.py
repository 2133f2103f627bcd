"""``ptecheck witness``: its options."""

from __future__ import annotations

import argparse

from checker.cli.commands.one_system import add_system_options

EPILOG = """\
exit status: 0 it is a run that breaks its property, 2 it is none, or wrong
use, 3 a run of no whole system (world kernel).

examples:
  ptecheck export loongarch/original --split carry-dirty --format aiger -o m.aig
  berkeley-abc -c "read m.aig; bmc3 -F 20; write_cex -a found.txt"
  ptecheck witness loongarch/original --split carry-dirty found.txt
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    add_system_options(parser)
    parser.add_argument("file", metavar="FILE", help="a witness of AIGER or BTOR2, or written by ABC's write_cex")


def run(args: argparse.Namespace) -> int:
    """Loads what does the work, does it, and returns the exit status."""
    from checker.cli.export import run_witness

    return run_witness(args)
